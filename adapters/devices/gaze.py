"""From any eye tracker's channels to gaze in degrees and pupils in millimetres, with a report."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hadua.adapters.devices.described import Device, describe
from hadua.adapters.devices.gaze_channels import GazeChannel, Quantity, recognise
from hadua.adapters.devices.gaze_columns import Axis, EyeColumns, GazeColumns, axis_of
from hadua.adapters.devices.gaze_report import GazeReport
from hadua.adapters.devices.gaze_samples import GazeSamples
from hadua.adapters.devices.gaze_units import GazeUnit, gaze_unit, pupil_unit, scene_camera
from hadua.adapters.devices.screen import Screen, View
from hadua.adapters.sources.source import SampleChunk, StreamSpec
from hadua.models.errors import StreamInvalidError
from hadua.models.features import Modality

EYES = ("left", "right")
# Features of `hadua-eye` that need gaze, and those of one pupil.
_N_GAZE, _N_PUPIL = 21, 6


@dataclass(frozen=True, slots=True, eq=False)
class GazeMapping:
    """Takes a stream's chunks to `GazeSamples`. Made by `map_gaze`.

    Args:
        stream: The stream it was made for.
        report: What is used and what is not.
        columns: Which column holds what, and how it becomes degrees.
    """

    stream: StreamSpec
    report: GazeReport
    columns: GazeColumns

    def apply(self, chunk: SampleChunk) -> GazeSamples:
        """Convert a chunk. Nothing in it can raise but a chunk of another shape.

        An eye is missing in a sample where a coordinate is not finite or one of its preset's codes,
        both are 0 or both -1 (but in degrees), it lies far outside the picture, its pupil is 0, its
        validity says so or its confidence is low. A pupil outside 1 to 10 mm is missing too.

        Raises:
            StreamInvalidError: the chunk has another number of channels.
        """
        if chunk.x.shape[1] != len(self.stream.channels):
            raise StreamInvalidError(
                f"stream {self.stream.name!r}: chunk does not fit the gaze mapping",
                got=f"{chunk.x.shape[1]} channels",
                expected=f"{len(self.stream.channels)}",
            )
        return GazeSamples(chunk.t_s, *self.columns.measure(chunk.x))


def map_gaze(stream: StreamSpec, *, screen: Screen) -> GazeMapping:
    """Find gaze and pupils in a stream by what it and its preset say about its channels.

    Never raises: a stream without gaze has a report with coverage 0 and the reason, and every
    sample of it is missing.
    """
    device = describe(stream, modality=Modality.EYE)
    finder = _Finder(device, screen, recognise(device))
    eyes = (finder.eye(0), finder.eye(1))
    n_eyes = sum(e is not None for e in eyes)
    n_pupils = sum(e is not None and e.pupil is not None for e in eyes)
    problem = "" if n_eyes else _problem(stream, finder.refused)
    n_features = _N_GAZE + _N_PUPIL * n_pupils if n_eyes else 0
    report = GazeReport(
        stream.name,
        tuple(finder.used),
        tuple(dict.fromkeys(finder.assumed)),
        tuple(dict.fromkeys(finder.refused)),
        problem,
        n_features / (_N_GAZE + 2 * _N_PUPIL),
        unused=tuple(c.label for c in device.channels if c.column not in finder.columns),
        preset=device.preset.name,
        device=device.title,
        notes=device.notes,
    )
    return GazeMapping(stream, report, GazeColumns(eyes))


def _problem(stream: StreamSpec, refused: Iterable[str]) -> str:
    why = "; ".join(refused) or f"its channels are {', '.join(map(repr, stream.labels[:6]))}"
    return (
        f"no gaze was recognised ({why}); expected x and y of at least one eye, "
        "with LSL channel types ScreenX and ScreenY or labels like 'left_x'."
    )


class _Finder:
    """Picks the channels of each eye and notes what was assumed and refused."""

    def __init__(self, device: Device, screen: Screen, found: tuple[GazeChannel, ...]) -> None:
        self._stream, self._preset = device.stream, device.preset
        self._screen = screen
        self._found = found
        self.used: list[tuple[str, str, str]] = []
        self.columns: set[int] = set()
        self.assumed: list[str] = []
        self.refused: list[str] = []

    def eye(self, eye: int) -> EyeColumns | None:
        x, y = self._axis(eye, Quantity.X), self._axis(eye, Quantity.Y)
        if x is None or y is None:
            return None
        pupils = list(self._of(eye, Quantity.PUPIL))
        flags = tuple(
            (c.column, c.quantity)
            for quantity in (Quantity.VALID, Quantity.STATUS, Quantity.CODE, Quantity.CONFIDENCE)
            for c in self._of(eye, quantity)
        )
        self.refused += [
            f"{c.channel.label!r} is not used: some programs write 0 there for an eye that was "
            "found, others for one that was lost (name its preset if there is one)"
            for c in self._of(eye, Quantity.AMBIGUOUS)
        ]
        pupil_valid = tuple(c.column for c in self._of(eye, Quantity.PUPIL_VALID))
        self.columns.update((x.column, y.column, *pupil_valid, *(column for column, _ in flags)))
        return EyeColumns(
            x,
            y,
            flags,
            self._pupil(eye, pupils),
            pupils[0].column if pupils else None,
            pupil_valid,
            self._preset.missing,
        )

    def _of(self, eye: int, quantity: Quantity) -> Iterator[GazeChannel]:
        """An eye's channels of a quantity, those for it alone before those for both."""
        chosen = [c for c in self._found if c.quantity is quantity and eye in c.eyes]
        return iter(sorted(chosen, key=lambda c: len(c.eyes)))

    def _axis(self, eye: int, quantity: Quantity) -> Axis | None:
        for found in self._of(eye, quantity):
            unit, assumed = gaze_unit(found)
            if unit is None:
                label, said = found.channel.label, found.channel.unit
                self.refused.append(f"{label!r} is in {said!r}, which is no unit of gaze we know")
                continue
            view = self._view(found, unit)
            self.assumed += [assumed] if assumed else []
            self.used.append((f"{EYES[eye]} {quantity}", found.channel.label, unit))
            return axis_of(found, unit=unit, view=view)
        return None

    def _view(self, found: GazeChannel, unit: GazeUnit) -> View:
        if unit is GazeUnit.DEGREES:
            return self._screen
        view: View = scene_camera(found, preset=self._preset) or self._screen
        if isinstance(view, Screen) and self._stream.screen_px is not None:
            width_px, height_px = self._stream.screen_px
            view = Screen(view.width_mm, view.height_mm, view.distance_mm, width_px, height_px)
        self.assumed.append(f"degrees of visual angle hold for {view}")
        return view

    def _pupil(self, eye: int, pupils: list[GazeChannel]) -> int | None:
        chosen: int | None = None
        for found in sorted(pupils, key=lambda c: c.channel.unit.strip().lower() != "mm"):
            unit = pupil_unit(found)
            if not unit.usable:
                self.refused.append(f"the pupil {unit.why}")
            elif chosen is None:
                chosen = found.column
                self.columns.add(chosen)
                self.assumed += [f"the pupil {unit.why}"] if unit.why else []
                self.used.append((f"{EYES[eye]} pupil", found.channel.label, "mm"))
        if chosen is None:
            self.refused.append(f"there is no {EYES[eye]} pupil diameter, its features are absent")
        return chosen
