import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.muse_files import muse_text, write_muse
from typer.testing import CliRunner, Result

from hadua.models.bundle import load_bundle
from hadua.models.cleaning import Cleaning, Reference
from hadua.models.features import Modality
from hadua.service.cli.main import build

SIM = ("--dataset", "sim", "--people", "4", "--seconds", "120", "--epochs", "1", "--context", "3")


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(build(["train"]), ["train", *map(str, args)])


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, str]]:
    """The same command in two processes: the bundle's folder and what the command said, of each."""
    outs = [tmp_path_factory.mktemp("sim") / "bundle" for _ in range(2)]
    hadua = [sys.executable, "-c", "from hadua.service.cli.main import main; main()", "train"]
    commands = [[*hadua, *SIM, "--out", str(out), "--json"] for out in outs]
    runs = [subprocess.Popen(c, stdout=subprocess.PIPE, text=True) for c in commands]
    said = [process.communicate(timeout=120.0)[0] for process in runs]
    assert [process.returncode for process in runs] == [0, 0]
    return list(zip(outs, said, strict=True))


@pytest.fixture
def muse_root(tmp_path: Path) -> Path:
    root = tmp_path / "recordings"
    root.mkdir()
    for person in (1, 2):
        write_muse(root / f"subject{person}_a.csv.gz", muse_text(seconds=25.0, seed=person))
    return root


def test_simulated_people_give_a_bundle_with_its_scores(twice: list[tuple[Path, str]]) -> None:
    out, text = twice[0]

    bundle = load_bundle(out)
    said = json.loads(text)
    assert (said["bundle"], said["id"]) == (str(out), bundle.id)
    assert bundle.classes == ("negative", "neutral", "positive")
    assert (bundle.width(Modality.EEG), bundle.width(Modality.EYE)) == (310, 33)
    assert (bundle.context, bundle.hop_s, bundle.manifest.demo) == (3, 0.5, True)
    assert "means nothing" in bundle.manifest.notice
    whats = [row["what"] for row in said["scores"]]
    assert whats[0] == "test people, without a resting baseline"
    assert whats[2] == "test people, after 30 s of rest"
    card = (out / "card.md").read_text(encoding="utf-8")
    assert all(what in card for what in whats)
    assert "only gave the figures" in card
    assert said["source_free"] == bundle.manifest.source_free
    check = bundle.check_set()
    assert check is not None
    assert len(set(check.y.tolist())) == 3
    assert f"Check set: {len(check)} labelled windows" in card


def test_the_same_command_gives_the_same_bytes(twice: list[tuple[Path, str]]) -> None:
    first, second = ({p.name: p.read_bytes() for p in out.iterdir()} for out, _ in twice)

    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_muse_recordings_give_a_bundle_of_four_channels(muse_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "bundle"

    result = run("--dataset", "muse-ssvep", "--root", muse_root, "--out", out, "--epochs", "60")

    assert result.exit_code == 0, result.stderr
    bundle = load_bundle(out)
    assert bundle.classes == ("flicker-30-hz", "flicker-20-hz")
    names = bundle.specs[Modality.EEG].names
    assert [n for n in names if n.endswith(":delta")] == [
        "TP9:delta", "AF7:delta", "AF8:delta", "TP10:delta"
    ]  # fmt: skip
    assert Modality.EYE not in bundle.specs
    assert not bundle.manifest.demo
    assert "subject2, trained on the others" in (out / "card.md").read_text()
    assert sum(k.startswith("sha256 of subject") for k in bundle.manifest.provenance) == 2
    accuracy = float(result.stdout.rsplit("accuracy ", 1)[1].split(",")[0])
    assert accuracy > 0.9, "the power of these recordings triples with the second stimulus"


def test_cleaning_is_done_and_belongs_to_the_bundle(muse_root: Path, tmp_path: Path) -> None:
    out, plain = tmp_path / "clean", tmp_path / "plain"
    args = ("--dataset", "muse-ssvep", "--root", muse_root, "--epochs", "1")
    flags = ("--notch", "60", "--high-pass", "1", "--rate", "200", "--average")

    results = run(*args, "--out", plain), run(*args, "--out", out, *flags)

    assert [r.exit_code for r in results] == [0, 0], [r.stderr for r in results]
    bundle = load_bundle(out)
    assert bundle.specs[Modality.EEG].cleaning == Cleaning(200.0, 60.0, 1.0, Reference.AVERAGE)
    said = "signal cleaned by hadua-clean/1: at 200 Hz, without 60 Hz, without what is below 1 Hz"
    assert said in (out / "card.md").read_text(encoding="utf-8")
    means = [load_bundle(p).normalisation[Modality.EEG].mean for p in (plain, out)]
    assert abs(means[0] - means[1]).max() > 0.1  # it was done, not only said


def test_a_bundle_there_is_replaced_only_when_asked(muse_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "package"
    out.mkdir()
    (out / "__init__.py").touch()
    args = ("--dataset", "muse-ssvep", "--root", muse_root, "--out", out, "--epochs", "1")

    refused, done, again = run(*args), run(*args, "--replace"), run(*args, "--seed", "1")

    assert (refused.exit_code, done.exit_code, again.exit_code) == (2, 0, 2)
    assert "got a folder with __init__.py in it" in refused.stderr
    assert "add --replace" in again.stderr
    assert (out / "__init__.py").exists()
    assert load_bundle(out).manifest.provenance["seed"] == "0"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--dataset", "muse-ssvep"), "got no --root, expected --root, the folder"),
        (("--dataset", "sim", "--root", "x"), "got --root 'x', expected no --root"),
        (("--dataset", "muse-ssvep", "--root", "x", "--people", "4"), "describe simulated people"),
        (("--dataset", "sim", "--people", "3"), "--people: got 3, expected 4 or more"),
        (("--dataset", "sim", "--seconds", "20"), "--seconds: got 20, expected 120 or more"),
        (("--dataset", "sim", "--epochs", "0"), "--epochs: got 0, expected 1 or more"),
        (("--dataset", "sim", "--notch", "55"), "notch: got 55 Hz, expected 50 or 60"),
        (("--dataset", "synthetic", "--average"), "got features that were extracted already"),
        (("--dataset", "emotions"), "'emotions' is not one of 'sim', 'muse-ssvep'"),
    ],
)
def test_bad_usage_ends_before_the_work(
    args: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    result = run(*args, "--out", tmp_path / "out")

    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_recordings_that_cannot_be_used_are_one_message(muse_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_muse(muse_root / "subject3_a.csv", "timestamps,TP9\n1,2\n")

    for root, message in (
        (tmp_path / "nowhere", "no such folder"),
        (muse_root, "line 1: wrong header"),
    ):
        result = run("--dataset", "muse-ssvep", "--root", root, "--out", out)
        assert result.exit_code == 1
        assert message in result.stderr
        assert "Traceback" not in result.stderr
        assert not out.exists()


def test_one_person_alone_cannot_be_scored(muse_root: Path, tmp_path: Path) -> None:
    (muse_root / "subject2_a.csv.gz").unlink()

    result = run("--dataset", "muse-ssvep", "--root", muse_root, "--out", tmp_path / "out")

    assert result.exit_code == 1
    assert "leave-one-subject-out: got 1, expected at least two" in result.stderr
