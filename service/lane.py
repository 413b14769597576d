"""One modality of a pipeline: from its chunks to normalised feature vectors."""

from dataclasses import replace
from math import ceil

from hadua.adapters.devices.screen import Screen
from hadua.adapters.features.eeg_extractor import EegExtractor
from hadua.adapters.features.extractor import Extractor
from hadua.adapters.features.eye_extractor import EyeExtractor
from hadua.adapters.features.normalisation import Normaliser
from hadua.adapters.sources.source import SampleChunk, StreamSpec
from hadua.adapters.state import restore
from hadua.models.bundle import Bundle
from hadua.models.features import FeatureSpec, FeatureWindow, FloatArray, Modality
from hadua.service.changed_stream import ChangedStream, NoReport, go_on
from hadua.service.pipeline_state import LaneState


class Lane:
    """One modality: from its chunks to normalised feature vectors."""

    def __init__(
        self,
        spec: FeatureSpec,
        stream: StreamSpec,
        extractor: Extractor,
        normaliser: Normaliser,
    ) -> None:
        self.spec = spec
        self.stream = stream
        self.extractor = extractor
        self.normaliser = normaliser
        self.useless = ""  # why the stream, as it came back, is left out
        self._given_s: float | None = None
        self._stale_before = 0  # of the streams that this one was before

    @property
    def samples_stale(self) -> int:
        """Samples older than one that had been taken already, since the start."""
        return self._stale_before + self.extractor.samples_stale

    @classmethod
    def build(
        cls,
        bundle: Bundle,
        spec: FeatureSpec,
        stream: StreamSpec,
        *,
        screen: Screen,
        phase_s: float,
        baseline_s: float,
    ) -> "Lane":
        """The extractor that the bundle's definition asks for, fed by `stream`."""
        source = bundle.normalisation[spec.modality]
        normaliser = Normaliser(source.mean, source.std)
        if baseline_s > 0.0:
            normaliser = normaliser.begin_baseline(ceil(baseline_s / spec.hop_s))
        extractor = extractor_of(stream, spec, screen=screen, phase_s=phase_s)
        return cls(spec, stream, extractor, normaliser)

    def push(self, chunk: SampleChunk) -> list[FeatureWindow]:
        """The windows that a chunk completes, in order."""
        windows = self.extractor.push(chunk)
        if windows:
            self._given_s = windows[-1].end_s
        return windows

    def go_on(self, bundle: Bundle, chunk: SampleChunk, *, screen: Screen, phase_s: float) -> None:
        """Go on with a stream that came back changed, from its first chunk, for the same person."""
        self._stale_before = self.samples_stale
        self.extractor = changed = go_on(
            self.stream,
            chunk,
            self.spec,
            last_end_s=self._given_s,
            least=bundle.manifest.min_coverage[self.spec.modality],
            phase_s=phase_s,
            extractor=lambda stream: extractor_of(
                stream, self.spec, screen=screen, phase_s=phase_s
            ),
        )
        self.stream, self.useless = chunk.spec, changed.useless

    def state(self) -> LaneState:
        """What it remembers; to be written down before the next chunk comes.

        What was put aside is worked on first: a state holds no samples that wait for that.
        """
        self.extractor.settle()
        return LaneState(
            stream=replace(self.stream, header=""),
            changed=self.extractor.reason if isinstance(self.extractor, ChangedStream) else None,
            usable=not self.useless,
            given_s=self._given_s,
            baseline=self.normaliser.baseline,
            extractor=self.extractor,
        )

    def restore(self, state: LaneState, bundle: Bundle, *, screen: Screen, phase_s: float) -> None:
        """Go on from what another one remembered that was made as this one was.

        Raises:
            HaduaError: that is not of such a lane.
        """
        if state.changed is not None:
            after = None
            if state.usable:
                after = extractor_of(state.stream, self.spec, screen=screen, phase_s=phase_s)
            self.extractor = changed = ChangedStream(
                self.spec,
                last_end_s=0.0,
                phase_s=phase_s,
                reason=state.changed,
                after=after,
                report=NoReport(state.changed) if after is None else after.report,
            )
            self.useless = changed.useless
        restore(self.extractor, state.extractor, where=str(self.spec.modality))
        self.stream, self._given_s = state.stream, state.given_s
        source = bundle.normalisation[self.spec.modality]
        self.normaliser = Normaliser(source.mean, source.std, baseline=state.baseline)

    def unmapped(self, bundle: Bundle) -> str:
        """Why the stream does not do for the bundle; empty if it does."""
        needed = bundle.manifest.min_coverage[self.spec.modality]
        coverage = self.extractor.report.coverage
        if coverage >= needed:
            return ""
        return (
            f"{self.spec.modality}: the stream covers {coverage:.0%} of the model's input, "
            f"{needed:.0%} are needed. {self.extractor.report.summary()}"
        )

    def normalise(self, window: FeatureWindow) -> FloatArray:
        """Normalised values `(n_features,)`, 0 where nothing was measured."""
        return self.normaliser.apply(window.values, window.present)

    def observe(self, window: FeatureWindow | None, *, last: bool) -> None:
        """Count a window of the resting baseline, if one is being observed; `last` closes it.

        Only what was measured well enough to be used tells of a person's rest: no window that is
        masked, and no channel that others stand in for.
        """
        if self.normaliser.observing and window is not None:
            self.normaliser = self.normaliser.observe(window.values, window.measured)
        if last:
            self.normaliser = self.normaliser.end_baseline()


def extractor_of(
    stream: StreamSpec, spec: FeatureSpec, *, screen: Screen, phase_s: float = 0.0
) -> Extractor:
    """What gets a bundle's features out of a stream.

    Raises:
        InvalidInputError, StreamInvalidError, FeatureMismatchError: they cannot be had from it.
    """
    if spec.modality is Modality.EEG:
        return EegExtractor(stream, spec, phase_s=phase_s)
    return EyeExtractor(stream, spec, screen=screen, phase_s=phase_s)
