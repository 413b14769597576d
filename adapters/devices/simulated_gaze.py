"""Imitated eye trackers, as their programs' sources (named in the presets) make their outlets."""

from collections.abc import Callable

import numpy as np

from hadua.adapters.devices.simulated import (
    Look,
    Samples,
    SimulatedChannel,
    SimulatedDevice,
    SimulatedOutlet,
    Value,
    constant,
    number,
    text_outlet,
)
from hadua.models.features import FloatArray

_EYES = ("left", "right")
_NAN = float("nan")


def _seen(of: Callable[[Look], FloatArray], eye: int, *, lost: float) -> Value:
    """A value of an eye, and `lost` where the tracker does not see it."""

    def value(samples: Samples) -> FloatArray:
        look = samples.look()
        return np.where(look.lost[:, eye], lost, of(look)[:, eye])

    return value


def _x(look: Look) -> FloatArray:
    return look.x


def _y(look: Look) -> FloatArray:
    return look.y


def _pupil(look: Look) -> FloatArray:
    return look.pupil_mm


def _times(of: Callable[[Look], FloatArray], factor: float) -> Callable[[Look], FloatArray]:
    return lambda look: np.asarray(factor * of(look))


def _flag(eye: int, *, seen: float, lost: float) -> Value:
    return _seen(lambda look: np.full_like(look.x, seen), eye, lost=lost)


def _says(label: str, value: Value, **more: str) -> SimulatedChannel:
    return SimulatedChannel({"label": label, **more}, value)


def _tobii_pro() -> SimulatedDevice:
    """600 Hz declared whatever the tracker does; pupils without a unit; NaN for a lost eye."""
    channels = tuple(
        channel
        for eye, name in enumerate(_EYES)
        for channel in (
            *(
                _says(
                    *(f"{name}_{axis}", _seen(of, eye, lost=_NAN)),
                    eye=name,
                    type=f"Screen{axis.upper()}",
                    unit="screencoords",
                )
                for axis, of in (("x", _x), ("y", _y))
            ),
            _says(f"{name}_pupil", _seen(_pupil, eye, lost=_NAN), eye=name, type="pupilsize"),
        )
    )
    outlet = SimulatedOutlet(
        *("Tobii", "Gaze", channels, 600.0, 120.0, "Tobiiat_tet-tcp://169.254.6.40"),
        says=(
            ("acquisition/manufacturer", "TobiiPro"),
            ("acquisition/model", "TODO"),
            ("acquisition/application", "TobiiProApp"),
            ("acquisition/precision", "24"),
        ),
    )
    source = f"lsl:name=Tobii,source_id={outlet.source_id}"
    return SimulatedDevice("tobii-pro", outlet, source, {})


def _tobii_tet() -> SimulatedDevice:
    """No rate, no units; validity codes under the name of a confidence, 0 for a found eye."""
    channels = tuple(
        _says(f"{label}_{name}", value, eye=name, type=kind)
        for eye, name in enumerate(_EYES)
        for label, kind, value in (
            ("Screen_X", "ScreenX", _seen(_x, eye, lost=-1.0)),
            ("Screen_Y", "ScreenY", _seen(_y, eye, lost=-1.0)),
            ("Pupil_X", "PupilX", constant(0.4)),
            ("Pupil_Y", "PupilY", constant(0.6)),
            ("Diameter", "Diameter", _seen(_pupil, eye, lost=-1.0)),
            ("Distance", "Distance", constant(640.0)),
            ("Confidence", "Confidence", _flag(eye, seen=0.0, lost=4.0)),
        )
    )
    outlet = SimulatedOutlet("Tobii", "Gaze", channels, 0.0, 50.0, "Tobii_169.254.7.1_tjtyjuff")
    source = f"lsl:name=Tobii,source_id={outlet.source_id}"
    return SimulatedDevice("tobii-tet", outlet, source, {})


def _titta() -> SimulatedDevice:
    """37 values of which 36 are described; the last is the device's own time."""
    channels: list[SimulatedChannel] = []
    for eye, name in enumerate(_EYES):
        user = "position_in_user_coordinates"
        fields: list[tuple[str, str, str, Value]] = [
            ("x.position_on_display_area.gaze_point", "ScreenX", "normalized",
             _seen(_x, eye, lost=_NAN)),
            ("y.position_on_display_area.gaze_point", "ScreenY", "normalized",
             _seen(_y, eye, lost=_NAN)),
            *((f"{a}.{user}.gaze_point", f"Intersection{a.upper()}", "mm", constant(120.0))
              for a in "xyz"),
            ("valid.gaze_point", "ValidFlag", "bool", _flag(eye, seen=1.0, lost=0.0)),
            ("available.gaze_point", "AvailableFlag", "bool", constant(1.0)),
            ("diameter.pupil", "Diameter", "mm", _seen(_pupil, eye, lost=_NAN)),
            ("valid.pupil", "ValidFlag", "bool", _flag(eye, seen=1.0, lost=0.0)),
            ("available.pupil", "AvailableFlag", "bool", constant(1.0)),
            *((f"{a}.{user}.gaze_origin", f"Pupil{a.upper()}", "mm", constant(30.0))
              for a in "xyz"),
            *((f"{a}.position_in_track_box_coordinates.gaze_origin", f"Pupil{a.upper()}",
               "normalized", constant(0.5)) for a in "xyz"),
            ("valid.gaze_origin", "ValidFlag", "bool", _flag(eye, seen=1.0, lost=0.0)),
            ("available.gaze_origin", "AvailableFlag", "bool", constant(1.0)),
        ]  # fmt: skip
        channels += [
            _says(f"{label}.{name}_eye", value, eye=name, type=kind, unit=unit)
            for label, kind, unit, value in fields
        ]
    channels.append(SimulatedChannel(None, number()))
    outlet = SimulatedOutlet(
        *("Tobii_gaze", "Gaze", tuple(channels), 120.0, 120.0, "TittaLSL:Tobii_gaze@TPSP1-01"),
        format="double64",
        says=(("acquisition/manufacturer", "Tobii"), ("acquisition/model", "Tobii Pro Spectrum")),
    )
    return SimulatedDevice("tittalsl", outlet, "lsl:name=Tobii_gaze", {})


def _tobii_streamengine() -> SimulatedDevice:
    """One normalised point, no pupil, the type in lower case, no rate."""
    channels = tuple(
        _says(axis, _seen(of, 0, lost=_NAN), unit="normalized", type="screen")
        for axis, of in (("x", _x), ("y", _y))
    )
    outlet = SimulatedOutlet(
        *("4C_gaze", "gaze", channels, 0.0, 90.0, "IS4-ABCDEFGH_gaze"),
        says=(("manufacturer", "Tobii"), ("model", "Tobii Eyetracker 4C"), ("generation", "IS4")),
    )
    return SimulatedDevice("tobii-streamengine", outlet, "lsl:name=4C_gaze", {})


def _tobii_glasses2() -> SimulatedDevice:
    """The glasses' livedata as one stream: a point in the scene picture, pupils, directions."""
    channels = (
        _says("gp_x", _seen(_x, 0, lost=_NAN), type="ScreenX", unit="normalized",
              eye="both", coordinate_system="scene"),
        _says("gp_y", _seen(_y, 0, lost=_NAN), type="ScreenY", unit="normalized",
              eye="both", coordinate_system="scene"),
        *(_says(f"pd_{name}", _seen(_pupil, eye, lost=_NAN), type="Diameter", unit="mm", eye=name)
          for eye, name in enumerate(_EYES)),
        *(_says(f"gd_{name}_{a}", constant(0.1), eye=name) for name in _EYES for a in "xyz"),
    )  # fmt: skip
    outlet = SimulatedOutlet("Tobii Glasses 2", "Gaze", channels, 50.0, 50.0, "TG02B-080105")
    return SimulatedDevice("tobii-glasses2", outlet, "lsl:name=Tobii Glasses 2", {})


def _pupil_capture() -> SimulatedDevice:
    """Eye 0 is the right one; y grows upwards; diameters in pixels and in millimetres; NaN."""
    up = _seen(lambda look: np.asarray(1.0 - look.y), 0, lost=_NAN)
    world = {"eye": "both", "coordinate_system": "world"}
    numbered = tuple(enumerate(reversed(_EYES)))  # 0 right, 1 left
    channels = (
        _says("confidence", _flag(0, seen=0.98, lost=0.1), eye="both", type="Confidence",
              unit="normalized"),
        _says("norm_pos_x", _seen(_x, 0, lost=_NAN), type="ScreenX", unit="normalized", **world),
        _says("norm_pos_y", up, type="ScreenY", unit="normalized", **world),
        *(_says(f"gaze_point_3d_{a}", constant(300.0), type=f"Direction{a.upper()}", unit="mm",
                **world) for a in "xyz"),
        *(_says(f"eye_center{e}_3d_{a}", constant(20.0), eye=name, type=f"Position{a.upper()}",
                unit="mm", coordinate_system="world") for e, name in numbered for a in "xyz"),
        *(_says(f"gaze_normal{e}_{a}", constant(0.5), eye=name, type=f"Position{a.upper()}",
                unit="mm", coordinate_system="world") for e, name in numbered for a in "xyz"),
        *(_says(f"diameter{e}_2d", _seen(_times(_pupil, 14.0), 1 - e, lost=_NAN), eye=name,
                type="Diameter", unit="pixels", coordinate_system=f"eye{e}")
          for e, name in numbered),
        *(_says(f"diameter{e}_3d", _seen(_pupil, 1 - e, lost=_NAN), eye=name, type="Diameter",
                unit="mm", coordinate_system=f"eye{e}") for e, name in numbered),
    )  # fmt: skip
    outlet = SimulatedOutlet(
        *("pupil_capture", "Gaze", channels, 0.0, 120.0, "5a1f2c3e-pupil"),
        format="double64",
        says=(("pupil_lsl_relay_version", "2.1"),),
    )
    return SimulatedDevice("pupil-capture", outlet, "lsl:name=pupil_capture", {})


def _pupil_relay() -> SimulatedDevice:
    """Pixels of the scene camera, `metatype` for `type`, no pupil, events beside."""
    channels = tuple(
        _says(
            *(axis, _seen(_times(of, size), 0, lost=_NAN)),
            eye="both",
            metatype=f"Screen{axis.upper()}",
            unit="pixels",
            coordinate_system="world",
        )
        for axis, of, size in (("x", _x, 1088.0), ("y", _y, 1080.0))
    )
    outlet = SimulatedOutlet(
        *("pupil_labs_Gaze", "Gaze", channels, 0.0, 66.0, "9f8e7d6c5b_Gaze", "double64"),
        says=(
            ("acquisition/manufacturer", "Pupil Labs"),
            ("acquisition/model", "Pupil Invisible"),
            ("acquisition/serial_number", "hx4cy"),
            ("acquisition/lsl_relay_version", "3.0.0"),
        ),
    )
    events = text_outlet("pupil_labs_Event", "Event", "9f8e7d6c5b_Event")
    return SimulatedDevice("pupil-relay", outlet, "lsl:name=pupil_labs_Gaze", {}, (events,))


def _eyelink() -> SimulatedDevice:
    """Pixels and an area without units, -32768 and 0 for a lost eye, 500 Hz that are not."""
    kind = "eyetracking"
    across, down = _times(_x, 1920.0), _times(_y, 1080.0)
    channels = (
        *(
            _says(f"{name}Eye{axis}", _seen(of, eye, lost=-32768.0), type=kind)
            for eye, name in enumerate(_EYES)
            for axis, of in (("X", across), ("Y", down))
        ),
        *(
            _says(f"{name}PupilArea", _seen(_times(_pupil, 300.0), eye, lost=0.0), type=kind)
            for eye, name in enumerate(_EYES)
        ),
        _says("pixelsPerDegreeX", constant(38.0), type=kind),
        _says("pixelsPerDegreeY", constant(38.0), type=kind),
        _says("eyelink_timestamp", number(), type=kind),
        _says("LSL_timestamp", number(), type=kind),
    )
    outlet = SimulatedOutlet(
        "EyeLink", "Gaze", channels, 500.0, 320.0, "eyelink-host-pc", format="double64"
    )
    return SimulatedDevice("eyelink", outlet, "lsl:name=EyeLink", {})


GAZE_DEVICES: tuple[SimulatedDevice, ...] = (
    _tobii_pro(),
    _tobii_tet(),
    _titta(),
    _tobii_streamengine(),
    _tobii_glasses2(),
    _pupil_capture(),
    _pupil_relay(),
    _eyelink(),
)
"""One imitation for each preset of an eye tracker."""
