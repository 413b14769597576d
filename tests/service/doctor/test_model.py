"""ONNX Runtime, the bundle, and whether streams suit it."""

from pathlib import Path

import pytest
from support.bundles import make_bundle
from support.doctor import FakeHost, a_visit, said

from hadua.adapters.sources.source import Channel, StreamSpec
from hadua.models.features import Modality
from hadua.service.config import Settings
from hadua.service.doctor.model import look_at_bundle, look_at_coverage, look_at_runtime
from hadua.service.doctor.surroundings import Outcome
from hadua.service.doctor.visit import Measured, Visit

CUDA = ("CUDAExecutionProvider", "CPUExecutionProvider")
CARD = {"nvidia-smi": Outcome(0, "NVIDIA H100, 560.1\n")}
GPU = {"onnxruntime-gpu": "1.32.0"}


@pytest.mark.parametrize(
    ("host", "settings", "state", "found"),
    [
        (FakeHost(), {}, "ok", "none: the CPU is used"),
        (FakeHost(commands=CARD), {}, "ok", "NVIDIA H100, 560.1 is not used"),
        (FakeHost(versions=GPU, providers=CUDA, commands=CARD), {}, "ok", "NVIDIA H100, 560.1"),
        (FakeHost(versions=GPU, providers=CUDA), {}, "note", "no NVIDIA driver answers"),
        (FakeHost(), {"device": "cuda"}, "problem", "only CPUExecutionProvider"),
        (FakeHost(versions={}), {}, "problem", "not installed"),
        (FakeHost(versions={}), {"runtime": "torchscript"}, "note", "not installed"),
        (
            FakeHost(versions={"onnxruntime": "1.30.0", **GPU}),
            {},
            "warning",
            "both of onnxruntime 1.30.0, onnxruntime-gpu 1.32.0",
        ),
        (FakeHost(providers=ImportError("no DLL")), {}, "problem", "cannot be imported: no DLL"),
    ],
)
def test_runtimes(host: FakeHost, settings: dict[str, str], state: str, found: str) -> None:
    visit = a_visit(host)
    visit.settings = Settings.model_construct(**settings)  # type: ignore[arg-type]
    finding = look_at_runtime(visit)[-1]
    assert finding.state == state
    assert found in finding.found
    assert finding.fix or state == "ok"


def on_bundle(path: Path | None) -> Visit:
    visit = a_visit()
    visit.settings = Settings.model_construct(bundle=path)
    return visit


def test_the_demo_bundle_runs_and_means_nothing() -> None:
    visit = on_bundle(None)
    (finding,) = look_at_bundle(visit)
    assert finding.state == "note"
    assert "runs with onnx on cpu" in finding.found
    assert "means nothing" in finding.fix
    assert visit.bundle is not None


def test_a_bundle_that_is_not_there_or_damaged_is_a_problem(tmp_path: Path) -> None:
    (finding,) = look_at_bundle(on_bundle(tmp_path / "none"))
    assert finding.state == "problem"
    assert finding.fix

    path = make_bundle(tmp_path / "made")
    (path / "model.onnx").write_bytes(b"x")
    (finding,) = look_at_bundle(on_bundle(path))
    assert finding.state == "problem"
    assert "model.onnx" in finding.found


def covering(labels: tuple[str, ...], *, wanted: bool = True, rate_hz: float = 250.0) -> Visit:
    """A visit with the demo bundle and one stream of EEG."""
    visit = on_bundle(None)
    look_at_bundle(visit)
    spec = StreamSpec("Amp", tuple(Channel(name, unit="uV") for name in labels), rate_hz, "EEG")
    visit.measured = (Measured("lsl:x", Modality.EEG, wanted=wanted, spec=spec),)
    return visit


def test_a_stream_that_covers_too_little_would_give_no_answer() -> None:
    (finding,) = look_at_coverage(covering(("FP1", "FP2", "O1", "O2")))
    assert finding.state == "problem"
    assert "% of the bundle's input, 75% are needed. Stream 'Amp' has 4 of" in finding.found
    assert "no answer" in finding.fix
    assert look_at_coverage(covering(("FP1",), wanted=False))[0].state == "warning"


def test_a_rate_from_which_the_features_cannot_be_had() -> None:
    (finding,) = look_at_coverage(covering(("FP1", "FP2"), rate_hz=60.0))
    assert finding.state == "problem"
    assert "got 60.0 Hz, expected at least 100 Hz" in finding.found


def test_a_stream_that_the_bundle_does_not_take(tmp_path: Path) -> None:
    visit = on_bundle(make_bundle(tmp_path / "eeg-only", eye=False))
    look_at_bundle(visit)
    gaze = StreamSpec("Eyes", (Channel("left_x"),), 120.0, "Gaze")
    visit.measured = (Measured("lsl:x", Modality.EYE, wanted=False, spec=gaze),)
    unused, none = look_at_coverage(visit)
    assert unused.state == "note"
    assert "no input for gaze" in unused.found
    assert none.state == "warning"  # nothing was asked for by name

    visit.settings = Settings.model_construct(gaze="lsl:x")
    assert look_at_coverage(visit)[1].state == "problem"


def test_without_a_bundle_or_a_stream_nothing_is_compared() -> None:
    visit = a_visit()
    assert said(look_at_coverage(visit))[0][0] == "note"
    look_at_bundle(visit)
    assert said(look_at_coverage(visit)) == [("ok", "no stream to compare")]
