"""`hadua devices` as its users run it: processes of their own, seen through LSL."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hadua.adapters.sources.registry import parse_source
from hadua.models.features import Modality

RUN = "import sys; from hadua.service.cli.main import main; sys.argv[0] = 'hadua'; main()"
Devices = dict[str, dict[str, object]]


def hadua(*arguments: str, data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "HADUA_DATA_DIR": str(data)},
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module", autouse=True)
def _sending() -> Iterator[None]:
    names = ("muse", "tittalsl", "pupil-relay", "biosemi-abc", "biosemi", "openbci")
    flags = [flag for name in names for flag in ("--device", name)]
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "simulate", "--json", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def listed(data: Path) -> Devices:
    """What the command lists, by stream and type, with its exit code 0."""
    done = hadua("devices", "--json", "--seconds", "1.5", data=data)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout)["devices"]
    return {f"{d['stream']}/{d['type']}/{d['channels']}": d for d in found}


def test_each_device_is_recognised_and_what_is_none_is_said(listed: Devices) -> None:
    presets = {name: d["preset"] for name, d in listed.items()}

    assert presets == {
        "Muse/EEG/5": "muse",
        "Muse/ACC/3": "",
        "Tobii_gaze/Gaze/37": "tittalsl",
        "pupil_labs_Gaze/Gaze/2": "pupil-relay",
        "pupil_labs_Event/Event/1": "",
        "BioSemi/EEG/73": "biosemi-abc",
        "BioSemi/EEG/41": "biosemi",
        "obci_eeg1/EEG/8": "openbci",
        "obci_eeg2/AUX/3": "",
    }
    assert "strings" in str(listed["pupil_labs_Event/Event/1"]["summary"])
    assert listed["obci_eeg2/AUX/3"]["modality"] is None


def test_coverage_says_what_the_bundle_can_use(listed: Devices) -> None:
    assert [listed[k]["usable"] for k in ("BioSemi/EEG/73", "Tobii_gaze/Gaze/37")] == [True, True]
    assert listed["Muse/EEG/5"]["usable"] is False
    assert listed["obci_eeg1/EEG/8"]["coverage"] == 0.0
    assert ",preset=openbci" in str(listed["obci_eeg1/EEG/8"]["summary"])


@pytest.mark.parametrize("name", ["Muse/EEG/5", "BioSemi/EEG/73"])
def test_the_source_text_picks_that_stream(name: str, listed: Devices) -> None:
    source = parse_source(str(listed[name]["source"]), modality=Modality.EEG)
    try:
        spec = source.open(10.0)
    finally:
        source.close()
    assert f"{spec.name}/{spec.type}/{len(spec.channels)}" == name


def test_what_was_confirmed_is_confirmed_the_next_time(listed: Devices, data: Path) -> None:
    assert listed["Tobii_gaze/Gaze/37"]["mapping"] == "unconfirmed"

    done = hadua("devices", "--gaze", "lsl:name=Tobii_gaze", "--confirm", data=data)
    again = hadua("devices", "--gaze", "lsl:name=Tobii_gaze", "--json", data=data)

    assert done.returncode == again.returncode == 0
    assert "mapping confirmed" in done.stdout
    assert "hadua-serve --gaze 'lsl:name=Tobii_gaze'" in done.stdout
    (device,) = json.loads(again.stdout)["devices"]
    assert device["mapping"] == "confirmed"
    assert device["key"] == listed["Tobii_gaze/Gaze/37"]["key"]


def test_a_preset_that_the_operator_names_makes_it_usable_or_not(data: Path) -> None:
    source = "lsl:name=obci_eeg1,preset=openbci"
    done = hadua("devices", "--eeg", source, "--json", data=data)
    (device,) = json.loads(done.stdout)["devices"]
    assert done.returncode == 1  # eight electrodes do not make sixty-two
    assert 0.2 < device["coverage"] < device["needed"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--confirm",), 2, "--confirm without a device"),
        (("--seconds", "0"), 2, "--seconds"),
        (("--eeg", "lsl:preset=nonesuch,name=a"), 2, "nonesuch"),
        (("--eeg", "nonsense"), 2, "no scheme"),
    ],
)
def test_bad_usage_is_said(arguments: tuple[str, ...], code: int, said: str, data: Path) -> None:
    done = hadua("devices", *arguments, data=data)
    assert done.returncode == code
    assert said in done.stderr
