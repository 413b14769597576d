"""The online loop inside its process: windows in, profiles into a folder, and word of each."""

import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hadua.calibration.calibrating import calibration_folder
from hadua.calibration.chance import seeded
from hadua.calibration.collected import MODALITIES, Collected, CollectedWindow, Header, WindowFile
from hadua.calibration.embeddings import SourceEmbeddings
from hadua.calibration.fit import FitSettings, Target, fit
from hadua.calibration.fitted import keep_fitted
from hadua.calibration.guard import NOVELTY_CAP, Breach
from hadua.calibration.labelled import LabelledWindows
from hadua.calibration.online import OnlineAdapter
from hadua.calibration.online_life import Served
from hadua.calibration.online_settings import GuardSettings, OnlineSettings
from hadua.calibration.plan import FEWEST, MOST
from hadua.calibration.profile import AS_SHIPPED, Profile, Provenance
from hadua.calibration.report import Report
from hadua.calibration.session_state import State
from hadua.calibration.sitting import SITTING, Sitting, SittingFiles
from hadua.calibration.source_terms import FromEmbeddings, FromWindows, SourceTerms
from hadua.calibration.source_windows import load_source
from hadua.calibration.store import ProfileStore
from hadua.calibration.stored_session import SESSION, WINDOWS, read_session
from hadua.models.bundle import Bundle, Normalisation, load_bundle
from hadua.models.errors import CalibrationError, HaduaError
from hadua.models.export import load_network
from hadua.models.features import Modality
from hadua.models.network import HaduaNetwork
from hadua.models.personal import adapted_network, differing, exported
from hadua.service.learning.online_messages import (
    Begin,
    Begun,
    Kept,
    Relearnt,
    Said,
    See,
    Seen,
    Tell,
    Told,
)

SOURCE_BATCH = 64
REMEMBERED_STATES = 64
_ANYBODY = OnlineSettings(guard=GuardSettings(most_novelty=NOVELTY_CAP))
GUARDED = "made by the online loop within its bounds; nothing else was asked of it"


class Follower:
    """One participant at a time; `begin` first."""

    def __init__(self) -> None:
        self._following: _Following | None = None

    def answers(self, told: Told) -> Iterator[Said]:
        """What is answered to a message.

        Raises:
            HaduaError: it cannot be done.
        """
        if isinstance(told, Begin):
            self._following = _Following(told)
            following = self._following
            yield Begun(remembered=following.remembered, resumed=following.resumed)
        elif self._following is None:
            raise CalibrationError("the online loop", got=f"{told}", expected="begin, first")
        elif isinstance(told, See):
            yield from self._following.see(told)
        elif isinstance(told, Tell):
            self._following.tell(told)
        else:
            self._following.keep(told)


class _Following:
    def __init__(self, begin: Begin) -> None:
        self._begin = begin
        self._bundle = bundle = load_bundle(Path(begin.bundle))
        store = ProfileStore(Path(begin.profiles))
        network, normalisation = _start(bundle, store, begin)
        self._source = None if begin.source is None else load_source(Path(begin.source), bundle)
        self._adapter = OnlineAdapter(
            bundle,
            network,
            normalisation,
            seed=begin.seed,
            source=_terms(bundle, network, self._source, seed=begin.seed),
            settings=None if begin.person_guard else _ANYBODY,
            known=begin.version != AS_SHIPPED,
        )
        self._version = begin.version
        self._known: deque[tuple[HaduaNetwork, int]] = deque(maxlen=REMEMBERED_STATES)
        self._known.append((self._adapter.served.network, begin.version))
        self._taught = self._labels = 0
        self._files = SittingFiles(Path(begin.folder) / SITTING)
        if not begin.resume:
            self._files.forget()
        sitting = self._files.read() if begin.resume else None
        # Who was taken for somebody else has nothing to do with the calibration any more.
        remember = begin.remember and (sitting is None or sitting.counts.earlier)
        self.remembered = self._remember(store) if remember else 0
        self.resumed = 0 if sitting is None else self._resume(sitting)

    def see(self, told: See) -> Iterator[Said]:
        window = CollectedWindow(
            told.end_s,
            np.frombuffer(told.eeg, "<f4").astype(np.float32),
            np.frombuffer(told.eye, "<f4").astype(np.float32),
            told.quality,
        )
        began = time.perf_counter()
        observed = self._adapter.observe(window, usable=told.usable)
        step_ms = (time.perf_counter() - began) * 1e3
        self._taught += not observed.refused
        due = self._adapter.relearning_due
        self._keep_sitting()
        if observed.rolled_back is not None:
            yield self._rolled_back(observed.rolled_back, step_ms)
            return
        if observed.updated:
            self._put(self._profile(self._adapter.served))
        yield Seen(
            step_ms=step_ms,
            refused=observed.refused,
            made=observed.updated,
            relearning=due,
            labels=self._labels,
        )
        if due:
            yield self._relearn()

    def tell(self, told: Tell) -> None:
        self._adapter.tell(told.label, from_s=told.from_s, until_s=told.until_s)
        self._labels += 1

    def keep(self, told: Kept) -> None:
        self._version = told.version
        self._known.append((self._adapter.served.network, told.version))

    def _rolled_back(self, breach: Breach, step_ms: float) -> Seen:
        """Name the version that answers again; make one of it if it was never kept."""
        network = self._adapter.served.network
        versions = [version for known, version in self._known if known is network]
        if breach.to_start:
            self._known.append((network, AS_SHIPPED))
            versions = [AS_SHIPPED]
        if not versions:
            raise CalibrationError("the online loop", got="a roll-back to what was never kept")
        self._version = versions[-1]
        labels = self._labels
        return Seen(step_ms=step_ms, back_to=versions[-1], reason=breach.as_said, labels=labels)

    def _relearn(self) -> Relearnt:
        adapter = self._adapter
        collected, prior = adapter.to_relearn(), adapter.served.normalisation
        self._keep_sitting()  # should it die of what follows, the next one does not at once, too
        target = Target(
            self._begin.participant,
            self._version + 1,
            self._version,
            collected,
            prior,
            dict(adapter.refused),
            origin="online",
        )
        try:
            profile = fit(
                self._bundle,
                target,
                source=self._source,
                seed=self._begin.seed,
                settings=FitSettings(),
            )
        except HaduaError as error:
            return Relearnt(made=False, reason=str(error))
        report = profile.made.report
        if report.risk == "high":
            return Relearnt(made=False, reason="; ".join(report.reasons))
        adapter.adopt(adapted_network(self._bundle, profile.weights), profile.normalisation)
        self._put(profile)
        return Relearnt(made=True, reason=f"learnt anew from {len(collected)} windows")

    def _profile(self, served: Served) -> Profile:
        bundle, adapter = self._bundle, self._adapter
        weights = differing(served.network, bundle)
        return Profile(
            participant=self._begin.participant,
            version=self._version + 1,
            parent=self._version,
            bundle_id=bundle.id,
            bundle_digest=bundle.digest,
            weights=weights,
            model=exported(served.network) if weights else b"",
            normalisation=served.normalisation,
            n_seen=self.remembered + self._taught,
            made=Provenance(
                origin="online",
                seed=self._begin.seed,
                settings=adapter.settings.record(),
                report=Report(
                    windows_used=self._taught,
                    windows_refused=dict(adapter.refused),
                    risk="medium",
                    reasons=(GUARDED,),
                ),
            ),
        )

    def _put(self, profile: Profile) -> None:
        keep_fitted(Path(self._begin.folder), profile)

    def _keep_sitting(self) -> None:
        """For a process that may come after this one; without it, that one begins with nothing."""
        try:
            self._files.keep(self._adapter.sitting)
        except OSError:  # a full disk, say; half of it may be somebody else's
            self._files.forget()

    def _resume(self, sitting: Sitting) -> int:
        self._adapter.resume(sitting, owed=self._begin.owed)
        return len(sitting.pieces)

    def _remember(self, store: ProfileStore) -> int:
        """Put the windows of the participant's calibration into the buffer, if there is one."""
        found = _calibrated(store, self._bundle, self._begin.participant)
        if found is None:
            return 0
        collected, by = found
        self._adapter.remember(collected, by)
        return len(collected)


def _start(
    bundle: Bundle, store: ProfileStore, begin: Begin
) -> tuple[HaduaNetwork, dict[Modality, Normalisation]]:
    if begin.version == AS_SHIPPED:
        return load_network(bundle), dict(bundle.normalisation)
    profile = store.load(begin.participant, begin.version, bundle=bundle)
    return adapted_network(bundle, profile.weights), {
        **bundle.normalisation,
        **profile.normalisation,
    }


def _terms(
    bundle: Bundle, network: HaduaNetwork, source: LabelledWindows | None, *, seed: int
) -> SourceTerms | None:
    """What anchors to the source, if there is anything."""
    if source is not None:
        rng = np.random.default_rng(seed)
        with seeded(seed):
            return FromWindows(source, network, batch=SOURCE_BATCH, rng=rng)
    carried = bundle.source_statistics()
    return None if carried is None else FromEmbeddings(SourceEmbeddings.of(carried))


def _calibrated(
    store: ProfileStore, bundle: Bundle, participant: str
) -> tuple[Collected, dict[Modality, Normalisation]] | None:
    """The windows of an accepted calibration, and what normalised them at its end."""
    folder = calibration_folder(store, participant)
    if not (folder / SESSION).exists():
        return None
    try:
        session = read_session(folder)
        if session.state is not State.ACCEPTED or session.version is None:
            return None
        profile = store.load(participant, session.version, bundle=bundle)
        header = Header.of(bundle, participant=participant)
        collected = WindowFile(folder / WINDOWS, header, most=MOST).read()
    except HaduaError:  # it can be followed without them
        return None
    if len(collected) < FEWEST:
        return None
    by = {
        m: profile.normalisation.get(m, bundle.normalisation[m])
        for m in MODALITIES
        if m in bundle.normalisation
    }
    return collected, by
