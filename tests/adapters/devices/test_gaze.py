"""Every outlet we know becomes degrees and millimetres, or is refused with the reason."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hadua.adapters.devices.gaze import GazeMapping, map_gaze
from hadua.adapters.devices.gaze_samples import GazeSamples
from hadua.adapters.devices.screen import SceneCamera, Screen
from hadua.adapters.sources.source import Channel, SampleChunk, StreamSpec
from hadua.models.errors import InvalidInputError, StreamInvalidError, UsageError

SCREEN = Screen()
EDGE_X_DEG = float(np.degrees(np.arctan(265.5 / 650.0)))
EDGE_Y_DEG = float(np.degrees(np.arctan(149.5 / 650.0)))


def titta(*, openness: bool) -> tuple[Channel, ...]:
    """TittaLSL: 37 values of which 36 are described, and 43 with 42 in newer versions."""
    channels = []
    for eye in ("left", "right"):
        fields = [
            ("x.position_on_display_area.gaze_point", "ScreenX", "normalized"),
            ("y.position_on_display_area.gaze_point", "ScreenY", "normalized"),
            *(
                (f"{a}.position_in_user_coordinates.gaze_point", f"Intersection{a.upper()}", "mm")
                for a in "xyz"
            ),
            ("valid.gaze_point", "ValidFlag", "bool"),
            ("available.gaze_point", "AvailableFlag", "bool"),
            ("diameter.pupil", "Diameter", "mm"),
            ("valid.pupil", "ValidFlag", "bool"),
            ("available.pupil", "AvailableFlag", "bool"),
            *(
                (f"{a}.position_in_user_coordinates.gaze_origin", f"Pupil{a.upper()}", "mm")
                for a in "xyz"
            ),
            *(
                (
                    f"{a}.position_in_track_box_coordinates.gaze_origin",
                    f"Pupil{a.upper()}",
                    "normalized",
                )
                for a in "xyz"
            ),
            ("valid.gaze_origin", "ValidFlag", "bool"),
            ("available.gaze_origin", "AvailableFlag", "bool"),
        ]
        if openness:
            fields += [
                ("diameter.eye_openness", "EyeLidDistance", "mm"),
                ("valid.eye_openness", "ValidFlag", "bool"),
                ("available.eye_openness", "AvailableFlag", "bool"),
            ]
        channels += [Channel(f"{name}.{eye}_eye", kind, unit, eye) for name, kind, unit in fields]
    return (*channels, Channel(f"ch{len(channels) + 1}"))


TOBII_PRO = tuple(
    Channel(f"{eye}_{what}", kind, unit, eye)
    for eye in ("left", "right")
    for what, kind, unit in (
        ("x", "ScreenX", "screencoords"),
        ("y", "ScreenY", "screencoords"),
        ("pupil", "pupilsize", ""),
    )
)
EYELINK = tuple(
    Channel(label, "eyetracking")
    for label in (
        *("leftEyeX", "leftEyeY", "rightEyeX", "rightEyeY", "leftPupilArea", "rightPupilArea"),
        *("pixelsPerDegreeX", "pixelsPerDegreeY", "eyelink_timestamp", "LSL_timestamp"),
    )
)
PUPIL_CAPTURE = (
    Channel("confidence", "Confidence", "normalized", "both"),
    *(Channel(f"norm_pos_{a}", f"Screen{a.upper()}", "normalized", "both", "world") for a in "xy"),
    *(Channel(f"gaze_point_3d_{a}", f"Direction{a.upper()}", "mm", "both", "world") for a in "xyz"),
    *(
        Channel(f"{name}{e}_{suffix}{a}", f"Position{a.upper()}", "mm", eye, "world")
        for name, suffix in (("eye_center", "3d_"), ("gaze_normal", ""))
        for e, eye in enumerate(("right", "left"))
        for a in "xyz"
    ),
    *(
        Channel(f"diameter{e}_{d}", "Diameter", unit, eye, f"eye{e}")
        for d, unit in (("2d", "pixels"), ("3d", "mm"))
        for e, eye in enumerate(("right", "left"))
    ),
)
OUTLETS: dict[str, StreamSpec] = {
    "app-tobiipro": StreamSpec("Tobii", TOBII_PRO, 600.0, "Gaze"),
    "tittalsl": StreamSpec("Tobii_gaze", titta(openness=False), 120.0, "Gaze"),
    "tittalsl-openness": StreamSpec("Tobii_gaze", titta(openness=True), 120.0, "Gaze"),
    "streamengine": StreamSpec(
        "tobii_4c_gaze", (Channel("1"), Channel("2")), 0.0, "gaze", synthesised_labels=True
    ),
    "pupil-capture": StreamSpec("pupil_capture", PUPIL_CAPTURE, 0.0, "Gaze"),
    "pupil-relay": StreamSpec(
        "pupil_labs_Gaze",
        (
            Channel("xpos", "ScreenX", "pixels", "both"),
            Channel("ypos", "ScreenY", "pixels", "both"),
        ),
        66.0,
        "Gaze",
    ),
    "eyelink": StreamSpec("EyeLink", EYELINK, 500.0, "Gaze"),
    "glasses": StreamSpec(
        "Tobii Glasses 2",
        (
            Channel("gp_x", "ScreenX", "normalized", "both", "scene"),
            Channel("gp_y", "ScreenY", "normalized", "both", "scene"),
            Channel("pd_left", "Diameter", "mm", "left"),
            Channel("pd_right", "Diameter", "mm", "right"),
            Channel("gd_left_x", "", "", "left"),
        ),
        50.0,
        "Gaze",
    ),
    "simulator": StreamSpec(
        "sim",
        tuple(
            Channel(f"{eye}_{what}", kind, unit, eye)
            for eye in ("left", "right")
            for what, kind, unit in (
                ("x", "ScreenX", "normalized"),
                ("y", "ScreenY", "normalized"),
                ("pupil", "Diameter", "mm"),
                ("valid", "Validity", ""),
            )
        ),
        120.0,
        "Gaze",
    ),
}
# What is used: left x, y, pupil and right x, y, pupil.
USED: dict[str, tuple[str, ...]] = {
    "app-tobiipro": ("left_x", "left_y", "left_pupil", "right_x", "right_y", "right_pupil"),
    **dict.fromkeys(
        ("tittalsl", "tittalsl-openness"),
        tuple(
            f"{what}.{eye}_eye"
            for eye in ("left", "right")
            for what in (
                "x.position_on_display_area.gaze_point",
                "y.position_on_display_area.gaze_point",
                "diameter.pupil",
            )
        ),
    ),
    "streamengine": ("1", "2", "1", "2"),
    "pupil-capture": (
        *("norm_pos_x", "norm_pos_y", "diameter1_3d", "norm_pos_x", "norm_pos_y", "diameter0_3d"),
    ),
    "pupil-relay": ("xpos", "ypos", "xpos", "ypos"),
    "eyelink": ("leftEyeX", "leftEyeY", "rightEyeX", "rightEyeY"),
    "glasses": ("gp_x", "gp_y", "pd_left", "gp_x", "gp_y", "pd_right"),
    "simulator": ("left_x", "left_y", "left_pupil", "right_x", "right_y", "right_pupil"),
}


def apply(mapping: GazeMapping, row: dict[str, float], *, default: float = 1.0) -> GazeSamples:
    """One sample: `row` by label, `default` elsewhere."""
    values = [row.get(label, default) for label in mapping.stream.labels]
    return mapping.apply(SampleChunk(mapping.stream, np.array([5.0]), np.array([values])))


@pytest.mark.parametrize("outlet", OUTLETS)
def test_finds_the_channels_of_every_outlet(outlet: str) -> None:
    report = map_gaze(OUTLETS[outlet], screen=SCREEN).report

    assert tuple(label for _, label, _ in report.used) == USED[outlet]
    assert report.problem == ""


@pytest.mark.parametrize(
    ("outlet", "coverage"),
    [("simulator", 1.0), ("tittalsl", 1.0), ("eyelink", 21 / 33), ("streamengine", 21 / 33)],
)
def test_coverage_is_the_share_of_features_that_can_be_measured(
    outlet: str, coverage: float
) -> None:
    assert map_gaze(OUTLETS[outlet], screen=SCREEN).report.coverage == pytest.approx(coverage)


@pytest.mark.parametrize("outlet", ["app-tobiipro", "tittalsl", "simulator"])
def test_normalised_gaze_becomes_degrees(outlet: str) -> None:
    mapping = map_gaze(OUTLETS[outlet], screen=SCREEN)
    x, y, pupil = USED[outlet][:3]

    corner = apply(mapping, {x: 1.0, y: 1.0, pupil: 3.5})
    centre = apply(mapping, {x: 0.5, y: 0.5, pupil: 3.5})

    assert corner.x_deg[0, 0] == pytest.approx(EDGE_X_DEG)
    assert corner.y_deg[0, 0] == pytest.approx(EDGE_Y_DEG)
    assert corner.pupil_mm[0, 0] == 3.5
    assert (centre.x_deg[0, 0], centre.y_deg[0, 0]) == (0.0, 0.0)
    assert centre.valid[0, 0]


def test_pixels_and_their_screen() -> None:
    row = {"leftEyeX": 1280.0, "leftEyeY": 512.0, "leftPupilArea": 900.0}
    declared = StreamSpec("EyeLink", EYELINK, 500.0, "Gaze", screen_px=(1280.0, 1024.0))

    by_screen = apply(
        map_gaze(OUTLETS["eyelink"], screen=Screen(width_px=1280, height_px=1024)), row
    )
    by_device = apply(map_gaze(declared, screen=SCREEN), row)

    for samples in (by_screen, by_device):
        assert samples.x_deg[0, 0] == pytest.approx(EDGE_X_DEG)
        assert samples.y_deg[0, 0] == pytest.approx(0.0)
        assert np.isnan(samples.pupil_mm).all()


def test_degrees_stay_degrees() -> None:
    channels = (Channel("x", "ScreenX", "deg"), Channel("y", "ScreenY", "degrees"))
    samples = apply(map_gaze(StreamSpec("t", channels, 60.0), screen=SCREEN), {"x": 7.0, "y": 0.0})

    assert samples.x_deg[0].tolist() == [7.0, 7.0]
    assert samples.y_deg[0].tolist() == [0.0, 0.0]


def test_scene_cameras_have_their_own_angles() -> None:
    pupil = map_gaze(OUTLETS["pupil-relay"], screen=SCREEN)
    capture = map_gaze(OUTLETS["pupil-capture"], screen=SCREEN)

    relay = apply(pupil, {"xpos": 1088.0, "ypos": 540.0})
    top = apply(capture, {"norm_pos_x": 0.5, "norm_pos_y": 1.0, "diameter0_3d": 3.0})

    assert relay.x_deg[0, 0] == pytest.approx(SceneCamera().fov_x_deg / 2.0)
    assert top.y_deg[0, 0] == pytest.approx(-53.0 / 2.0)
    assert "scene camera" in pupil.report.summary()


def test_pupil_capture_numbers_the_right_eye_0() -> None:
    row = {"norm_pos_x": 0.4, "norm_pos_y": 0.4, "diameter0_3d": 2.0, "diameter1_3d": 5.0}

    samples = apply(map_gaze(OUTLETS["pupil-capture"], screen=SCREEN), row)

    assert samples.pupil_mm[0].tolist() == [5.0, 2.0]


def test_refuses_pupils_that_are_no_diameter_in_millimetres() -> None:
    eyelink = map_gaze(OUTLETS["eyelink"], screen=SCREEN).report
    capture = map_gaze(OUTLETS["pupil-capture"], screen=SCREEN).report

    assert any("'leftPupilArea' is an area" in r for r in eyelink.refused)
    assert any("'diameter0_2d' is in 'pixels'" in r for r in capture.refused)
    assert "Its features are absent" not in capture.summary()


def test_a_validity_that_may_be_either_way_round_is_not_used_and_said() -> None:
    """Tobii's older programs write 0 for an eye that was found, newer ones for a lost one."""
    channels = tuple(Channel(label) for label in ("left_x", "left_y", "left_validity"))
    mapping = map_gaze(StreamSpec("Eyes", channels, 60.0, "Gaze"), screen=SCREEN)

    assert any("'left_validity' is not used" in r for r in mapping.report.refused)
    for validity in (0.0, 1.0, 4.0):
        row = {"left_x": 0.4, "left_y": 0.4, "left_validity": validity}
        assert apply(mapping, row).valid[0].tolist() == [True, False]


def tet(eye: str) -> tuple[Channel, ...]:
    kinds = ("ScreenX", "ScreenY", "PupilX", "PupilY", "Diameter", "Distance", "Confidence")
    labels = ("Screen_X", "Screen_Y", "Pupil_X", "Pupil_Y", "Diameter", "Distance", "Confidence")
    return tuple(
        Channel(f"{label}_{eye}", kind, eye=eye) for label, kind in zip(labels, kinds, strict=True)
    )


@pytest.mark.parametrize(
    ("code", "seen"), [(0.0, True), (1.0, True), (2.0, False), (4.0, False), (np.nan, False)]
)
def test_the_old_codes_of_tobii_are_good_at_zero(code: float, seen: bool) -> None:
    """App-Tobii sends them as 'Confidence': read as one, every good sample would be lost."""
    mapping = map_gaze(StreamSpec("Tobii", tet("left") + tet("right"), 0.0, "Gaze"), screen=SCREEN)
    row = {
        "Screen_X_left": 0.5,
        "Screen_Y_left": 0.5,
        "Diameter_left": 3.0,
        "Confidence_left": code,
    }

    samples = apply(mapping, row, default=4.0)

    assert mapping.report.preset == "tobii-tet"
    assert samples.valid[0].tolist() == [seen, False]
    assert np.isnan(samples.pupil_mm[0, 0]) == (not seen)


@pytest.mark.parametrize("code", [-32768.0, 0.0])
def test_codes_of_the_device_are_missing_even_in_one_coordinate(code: float) -> None:
    mapping = map_gaze(OUTLETS["eyelink"], screen=SCREEN)
    row = {"leftEyeX": 500.0, "leftEyeY": 400.0, "rightEyeX": 500.0, "rightEyeY": 400.0}

    assert apply(mapping, row).valid.tolist() == [[True, True]]
    assert apply(mapping, row | {"leftEyeY": code}).valid.tolist() == [[False, True]]


def test_says_what_it_assumed() -> None:
    report = map_gaze(OUTLETS["app-tobiipro"], screen=SCREEN).report

    assert "at 650 mm" in report.summary()
    assert any("no unit and was taken as millimetres" in a for a in report.assumed)
    assert json.loads(json.dumps(report.to_dict()))["coverage"] == 1.0


@pytest.mark.parametrize(
    "bad",
    [
        {"left_x": np.nan},
        {"left_y": np.inf},
        {"left_x": -32768.0},
        {"left_x": -1.0, "left_y": -1.0},
        {"left_x": 0.0, "left_y": 0.0},
        {"left_y": 9.0},
        {"left_valid": 0.0},
        {"left_valid": np.nan},
        {"left_pupil": 0.0},
    ],
)
def test_an_eye_is_missing_where_its_values_are(bad: dict[str, float]) -> None:
    good = {"left_x": 0.4, "left_y": 0.4, "left_pupil": 3.0, "right_x": 0.5, "right_pupil": 3.0}
    mapping = map_gaze(OUTLETS["simulator"], screen=SCREEN)

    samples = apply(mapping, good | bad)

    assert apply(mapping, good).valid.tolist() == [[True, True]]
    assert samples.valid.tolist() == [[False, True]]
    assert np.isnan([samples.x_deg[0, 0], samples.y_deg[0, 0], samples.pupil_mm[0, 0]]).all()


def test_low_confidence_is_missing() -> None:
    mapping = map_gaze(OUTLETS["pupil-capture"], screen=SCREEN)
    row = {"norm_pos_x": 0.4, "norm_pos_y": 0.4, "diameter0_3d": 3.0, "diameter1_3d": 3.0}

    assert apply(mapping, row | {"confidence": 0.9}).valid.all()
    assert not apply(mapping, row | {"confidence": 0.2}).valid.any()


@pytest.mark.parametrize("pupil", [0.2, 30.0, -1.0, np.nan])
def test_an_impossible_pupil_is_missing_but_not_its_gaze(pupil: float) -> None:
    mapping = map_gaze(OUTLETS["simulator"], screen=SCREEN)

    samples = apply(mapping, {"left_x": 0.4, "left_y": 0.4, "left_pupil": pupil})

    assert samples.valid[0, 0]
    assert np.isnan(samples.pupil_mm[0, 0])


@pytest.mark.parametrize(
    "channels",
    [
        (Channel("FP1", "EEG", "uV"), Channel("CZ", "EEG", "uV")),
        (Channel("left_x", "ScreenX", "normalized", "left"),),
        (Channel("x", "ScreenX", "furlongs"), Channel("y", "ScreenY", "furlongs")),
    ],
)
def test_a_stream_without_gaze_is_reported_not_raised(channels: tuple[Channel, ...]) -> None:
    mapping = map_gaze(StreamSpec("odd", channels, 100.0, "Gaze"), screen=SCREEN)

    assert mapping.report.coverage == 0.0
    assert "no gaze was recognised" in mapping.report.summary()
    assert not apply(mapping, {}).valid.any()


def test_a_chunk_of_another_shape_is_refused() -> None:
    other = OUTLETS["eyelink"]
    chunk = SampleChunk(other, np.zeros(1), np.zeros((1, 10)))

    with pytest.raises(StreamInvalidError, match="got 10 channels, expected 8"):
        map_gaze(OUTLETS["simulator"], screen=SCREEN).apply(chunk)


def test_a_screen_without_size_is_refused() -> None:
    with pytest.raises(UsageError, match="sizes above zero"):
        Screen(distance_mm=0.0)


def test_samples_refuse_another_shape() -> None:
    one = np.zeros((2, 1))

    with pytest.raises(InvalidInputError, match="left eye first"):
        GazeSamples(np.zeros(2), one, one, one, np.zeros((2, 2), np.bool_))


@settings(deadline=None)
@given(
    values=hnp.arrays(np.float64, st.tuples(st.integers(0, 5), st.just(8)), elements=st.floats())
)
def test_whatever_arrives_what_is_valid_is_an_angle(
    values: "np.typing.NDArray[np.float64]",
) -> None:
    mapping = map_gaze(OUTLETS["simulator"], screen=SCREEN)
    t_s = np.arange(len(values), dtype=np.float64)

    samples = mapping.apply(SampleChunk(mapping.stream, t_s, values))

    assert np.isfinite(samples.x_deg[samples.valid]).all()
    assert np.isfinite(samples.y_deg[samples.valid]).all()
    assert np.isnan(samples.x_deg[~samples.valid]).all()
    assert np.isnan(samples.pupil_mm[~samples.valid]).all()
