"""Streams and recordings that cannot be used: one message, and never a made-up number."""

import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from support.bundles import make_bundle
from support.lsl_outlets import IndexOutlet
from support.refusals import has_all, refusal_of_process
from support.serving import SERVE
from support.xdf_writer import XdfStream, write_xdf

LABELS = ("TP9", "AF7", "AF8", "TP10")
CHANNELS = tuple({"label": label, "unit": "microvolts"} for label in LABELS)


def of_stream(name: str, *, wait_s: float = 3.0) -> str:
    """The refusal of an LSL stream of that name."""
    return refusal_of_process(1, "--eeg", f"lsl:name={name}", "--wait-s", str(wait_s))


def test_no_stream_names_those_that_are_there_and_what_to_try(unique: str) -> None:
    other = IndexOutlet(f"other-{unique}")
    message = of_stream(f"missing-{unique}", wait_s=2.0)
    has_all(
        message,
        f"no LSL stream for 'lsl:name=missing-{unique}' within",
        f"'{other.name}' (type 'EEG'",
        "4 channels, 250 Hz)",
        "Is the sender running",
        "firewall",
    )


def test_two_streams_that_match_are_both_named_with_the_text_for_each(unique: str) -> None:
    outlets = [IndexOutlet(unique, source_id=f"{side}-{unique}") for side in ("left", "right")]
    message = of_stream(unique)
    has_all(message, f"2 LSL streams for 'lsl:name={unique}'", "expected one", "SOURCE texts")
    for outlet in outlets:
        assert f"'lsl:name={unique},source_id={outlet.source_id}'" in message


@pytest.mark.parametrize(
    ("kind", "rate_hz", "parts"),
    [
        ("Gaze", 0.0, ("nominal rate: got 0 Hz (irregular)", "such as 250 Hz", "Set the sampling")),
        ("EEG", 60.0, ("sampling rate", "got 60.0 Hz, expected at least 100 Hz", "higher rate")),
    ],
)
def test_a_rate_that_cannot_give_eeg_features(
    unique: str, kind: str, rate_hz: float, parts: tuple[str, ...]
) -> None:
    outlet = IndexOutlet(unique, type=kind, rate_hz=rate_hz, channels=CHANNELS)
    has_all(of_stream(outlet.name), *parts)


def test_a_stream_of_strings_is_not_taken_for_eeg(unique: str) -> None:
    outlet = IndexOutlet(unique, count=1, format="string")
    has_all(
        of_stream(outlet.name),
        f"stream '{unique}': got samples that are strings, expected numbers.",
        "marker stream",
    )


def test_a_stream_that_the_bundle_has_no_input_for(unique: str, tmp_path: Path) -> None:
    outlet = IndexOutlet(unique, type="Gaze", count=6, rate_hz=120.0)
    bundle = make_bundle(tmp_path, eye=False)
    source = ("--gaze", f"lsl:name={outlet.name}", "--wait-s", "3")
    message = refusal_of_process(2, "--bundle", str(bundle), *source)
    has_all(message, "no use for the connected streams", "got eye, expected", "eeg", "--bundle")


def a_recording(path: Path) -> list[int]:
    stamp_s = np.arange(1000) / 250.0
    stream = XdfStream("amp", "EEG", 250.0, stamp_s, np.zeros((1000, 4)), labels=LABELS)
    return write_xdf(path, [stream])


def test_a_truncated_recording_says_at_which_byte(tmp_path: Path) -> None:
    path = tmp_path / "cut.xdf"
    last = a_recording(path)[-2]
    content = path.read_bytes()
    path.write_bytes(content[: last + 100])
    message = refusal_of_process(1, "--eeg", f"file:{path}")
    has_all(message, repr(str(path)), f"truncated in the chunk at byte {last}", "got 100 bytes")
    has_all(message, "expected", "copy the file again")


def test_a_recording_without_such_a_stream_names_those_it_has(tmp_path: Path) -> None:
    path = tmp_path / "eeg only.xdf"
    a_recording(path)
    message = refusal_of_process(1, "--gaze", f"file:{path}")
    has_all(message, repr(str(path)), "no stream 'gaze'", "got 'amp' (type 'EEG')", "expected")
    has_all(message, "stream=NAME")


def test_ctrl_c_while_a_stream_is_waited_for_is_no_failure(unique: str, tmp_path: Path) -> None:
    flags = ("--port", "0", "--eeg", f"lsl:name={unique}", "--wait-s", "600")
    with subprocess.Popen(
        [*SERVE, *flags], stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        assert process.stderr is not None
        assert any("session waiting" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30.0) == 0
        assert "Traceback" not in process.stderr.read()
