"""`hadua simulate` as its users run it: a process of its own, seen through LSL."""

import json
import signal
import subprocess
import threading

import numpy as np
import pylsl
import pytest
from support.simulating import command, sending

from hadua.adapters.sources.simulated_faults import Faults
from hadua.adapters.sources.simulated_states import parse_schedule
from hadua.adapters.sources.simulator import Simulation, SimulatorSource, make_source
from hadua.adapters.sources.stream_info import parse_stream_info
from hadua.models.features import Modality
from hadua.service.cli.simulate import Broadcast


def inlet(name: str) -> pylsl.StreamInlet:
    found = pylsl.resolve_byprop("name", name, 1, 10.0)
    assert found, name
    made = pylsl.StreamInlet(found[0])
    made.open_stream(timeout=10.0)
    return made


def test_the_streams_arrive_as_the_simulator_makes_them(unique: str) -> None:
    with sending(
        "--name-prefix", unique, "--schedule", "neutral*1.5|positive*2", "--json"
    ) as sender:
        assert sender.stdout is not None
        said = json.loads(sender.stdout.readline())
        inlets = {s["modality"]: inlet(s["name"]) for s in said["streams"]}
        markers = inlet(said["markers"])
        for modality in Modality:
            check_samples(inlets[modality.value], modality, origin_s=said["origin_s"])
        sample, stamp_s = markers.pull_sample(timeout=10.0)
        state = json.loads(sample[0])["state"]
        since_s = stamp_s - said["origin_s"]
        assert (since_s % 3.5, state) in [
            (pytest.approx(0.0), "neutral"),
            (pytest.approx(1.5), "positive"),
        ]
        sender.send_signal(signal.SIGTERM)
        _, complaint = sender.communicate(timeout=10.0)
        assert (sender.returncode, complaint) == (0, "")


def check_samples(inlet: pylsl.StreamInlet, modality: Modality, *, origin_s: float) -> None:
    """The description and every sample are those of the simulation."""
    source = SimulatorSource(Simulation(), modality=modality, origin_s=0.0)
    spec = parse_stream_info(inlet.info(timeout=10.0).as_xml()).spec
    expected = source.open(1.0)
    assert spec.channels == expected.channels
    assert (spec.rate_hz, spec.screen_px) == (expected.rate_hz, expected.screen_px)
    x, t_s = inlet.pull_chunk(timeout=10.0, max_samples=200, min_samples=200, as_numpy=True)
    k = np.rint((np.asarray(t_s) - origin_s) * spec.rate_hz).astype(int)
    np.testing.assert_allclose(np.asarray(t_s), origin_s + k / spec.rate_hz, atol=1e-9)
    np.testing.assert_array_equal(np.diff(k), 1)
    schedule = parse_schedule("neutral*1.5|positive*2", seed=1)
    signal_x = Simulation(schedule=schedule).signal(modality).read(int(k[0]), int(k[-1]) + 1)
    np.testing.assert_array_equal(np.asarray(x), signal_x.astype(np.float32))


def test_ctrl_c_ends_it_and_it_says_how_to_connect(unique: str) -> None:
    with sending("--name-prefix", unique, "--eeg-only") as sender:
        assert sender.stdout is not None
        lines = [sender.stdout.readline() for _ in range(4)]
        assert f"hadua-serve --eeg lsl:name={unique}-eeg\n" in lines[2]
        sender.send_signal(signal.SIGINT)
        rest, complaint = sender.communicate(timeout=10.0)
        assert (sender.returncode, rest, complaint) == (0, "stopped\n", "")


def test_it_ends_by_itself(unique: str) -> None:
    done = subprocess.run(
        command(
            "--name-prefix", unique, "--duration", "0.3", "--gaze-only", "--faults", "lost@0.2"
        ),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["--eeg-only", "--gaze-only"], "one of them"),
        (["--faults", "gapp@3"], "expected one of gap"),
        (["--duration", "0"], "'duration': got 0.0"),
        (["--person", "-1"], "from 0 on"),
    ],
)
def test_what_cannot_be_is_refused(arguments: list[str], match: str) -> None:
    done = subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("hadua simulate: ")
    assert match in done.stderr
    assert "Traceback" not in done.stderr


def test_options_reach_the_source() -> None:
    source = make_source({"mains": "7", "person": "2"}, modality=Modality.EEG)
    assert source.simulation.mains_uv == 7.0


class Lasting(threading.Thread):
    """Counts how often it is waited for, and is over after the third time."""

    waited = 0

    def is_alive(self) -> bool:
        return self.waited < 3

    def join(self, timeout: float | None = None) -> None:
        assert timeout is not None
        self.waited += 1


def test_after_one_stream_is_over_it_waits_for_the_other() -> None:
    """Waiting for the one that is over takes no time at all, and would use up a core."""
    over, running = Lasting(), Lasting()
    over.waited = 3
    broadcast = Broadcast(Simulation(), (), Faults(), None)
    broadcast._mark_until_over([over, running])
    assert (over.waited, running.waited) == (3, 3)


def test_a_device_is_announced_with_the_text_that_connects_it() -> None:
    done = subprocess.run(
        command("--device", "muse", "--device", "TittaLSL", "--duration", "0.2"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0
    assert "'Muse', type 'EEG', 5 channels, declares 256 Hz" in done.stdout
    assert "hadua-serve --eeg 'lsl:name=Muse,type=EEG'" in done.stdout
    assert "hadua-serve --gaze 'lsl:name=Tobii_gaze'" in done.stdout


def test_a_device_that_is_not_known_is_bad_usage() -> None:
    done = subprocess.run(
        command("--device", "nonesuch"), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "'nonesuch'" in done.stderr
    assert "tittalsl" in done.stderr
