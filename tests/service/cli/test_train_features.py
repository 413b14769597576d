"""`hadua train` on every data set of features: tiny copies in, whole bundles out."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from support.official_files import features, write_array, write_official
from support.own_folders import eeg_stream, write_recording, write_table
from support.seed_files import write_seed
from support.seed_iv_files import write_seed_iv
from support.seed_v_files import write_seed_v
from support.seed_vii_files import write_seed_vii
from typer.testing import CliRunner, Result

from hadua.adapters.datasets.library import READERS
from hadua.calibration.source_windows import load_source
from hadua.models.bundle import Bundle, load_bundle
from hadua.models.features import Modality
from hadua.service.cli.main import build
from hadua.service.cli.train import Dataset
from hadua.service.evaluation.plan import DATASET_NAMES

QUICK = ("--epochs", "1", "--context", "3", "--json")


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(build(["train"]), ["train", *map(str, args)])


def write_own(root: Path) -> Path:
    for person in (1, 2):
        write_recording(root / f"p{person}.xdf", eeg_stream(person))
    return write_table(
        root,
        *(f"p{p}.xdf,{a},{b},{label},p{p},1,{label}" for p in (1, 2) for a, b, label in LABELLED),
        header="file,start_s,end_s,label,subject,session,stimulus",
    ).parent


LABELLED = ((1001, 1006, "calm"), (1006, 1011, "tense"))
WRITERS: dict[str, Callable[[Path], Path]] = {
    "own": write_own,
    "seed": lambda root: write_seed(root, eye_of=()),
    "seed-iv": write_seed_iv,
    "seed-v": write_seed_v,
    "seed-vii": lambda root: write_seed_vii(root, eye_of=()),
    "official": write_official,
}
PICKLED = ("seed-v",)


@dataclass(frozen=True)
class Trained:
    dataset: str
    bundle: Bundle
    said: dict[str, object]

    @property
    def card(self) -> str:
        return self.bundle.read("card.md").decode()


@pytest.fixture(scope="module", params=[*WRITERS, "synthetic"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    dataset, place = str(request.param), tmp_path_factory.mktemp("train")
    args: list[str | Path] = ["--dataset", dataset, "--out", place / "bundle", *QUICK]
    if dataset in WRITERS:
        args += ["--root", WRITERS[dataset](place / "root")]
    else:
        args += ["--people", "8", "--keep-source", place / "kept"]
    result = run(*args, *(["--allow-pickle"] if dataset in PICKLED else []))
    assert result.exit_code == 0, result.stderr
    return Trained(dataset, load_bundle(place / "bundle"), json.loads(result.stdout))


def test_there_is_a_flag_value_for_every_data_set() -> None:
    assert {d.value for d in Dataset} == {"sim", *DATASET_NAMES}
    assert set(READERS) <= set(WRITERS)


def test_a_bundle_comes_of_it(trained: Trained) -> None:
    manifest = trained.bundle.manifest

    assert trained.said["id"] == trained.bundle.id
    assert manifest.name.startswith("hadua-")
    assert trained.bundle.context == 3
    assert manifest.demo == (trained.dataset == "synthetic")
    assert manifest.source_free == trained.said["source_free"] == (trained.dataset == "synthetic")
    assert manifest.abstain_below == trained.said["abstain_below"]
    # Nobody's windows are in a bundle but those that were made up.
    check = trained.bundle.check_set()
    assert (check is not None) == (trained.dataset == "synthetic")
    assert ("labelled windows of people who set the temperature" in trained.card) == bool(check)
    hashes = [name for name in manifest.provenance if name.startswith("sha256 of ")]
    assert bool(hashes) == (trained.dataset != "synthetic")


def test_the_windows_that_trained_it_are_kept_for_calibrations(trained: Trained) -> None:
    folder = trained.bundle.path.with_name("kept")
    assert folder.exists() == (trained.dataset == "synthetic")  # where it was asked for
    if not folder.exists():
        return

    source = load_source(folder, trained.bundle)

    n_people = len(np.unique(source.windows.subject))
    assert f"{n_people} people trained the weights" in trained.card
    assert 3 <= n_people < 8
    assert source.windows.x_eeg.shape[1] == trained.bundle.width(Modality.EEG)
    assert set(np.unique(source.y)) == {0, 1, 2}
    # As the network was trained on them: standardised over all of them.
    measured = source.windows.x_eeg[source.windows.present[:, 0]]
    assert np.abs(measured.mean(axis=0)).max() < 0.2  # bad electrodes count as 0


def test_its_terms_are_those_of_its_data(trained: Trained) -> None:
    manifest = trained.bundle.manifest

    assert manifest.data_licence
    assert f"Weights: {manifest.licence}\n\nData that they were trained on: " in trained.card
    if trained.dataset.startswith("seed"):
        title = trained.dataset.upper()
        assert manifest.licence.startswith(f"as the licence of {title} allows")
        assert manifest.licence.endswith("research only")
        assert manifest.data_licence.startswith(f"{title} licence agreement")
    else:
        assert (manifest.licence == "BSD-3-Clause") == (trained.dataset == "synthetic")


def test_its_card_says_what_it_does_and_why(trained: Trained) -> None:
    heads = [line[3:] for line in trained.card.splitlines() if line.startswith("## ")]
    assert heads[:7] == [
        "Data", "Input", "Scores", "Training", "Abstention", "Adaptation", "Licence"
    ]  # fmt: skip
    live = trained.dataset == "own"
    assert ("no live stream gives these" in trained.card) != live
    held_out = trained.dataset == "synthetic"
    assert ("set the temperature and threshold" in trained.card) == held_out
    assert ("nobody could be put aside" in trained.card) != held_out
    assert ("Source embeddings: for all" in trained.card) == held_out


def test_no_window_is_in_the_bundle(tmp_path: Path) -> None:
    """Windows of one person each value of which is its own, looked for in every form."""
    root = write_official(tmp_path / "root", people=range(1, 4), runs=((0, 60), (1, 60)))
    out = tmp_path / "bundle"

    result = run("--dataset", "official", "--root", root, "--out", out, *QUICK)

    assert json.loads(result.stdout)["source_free"]
    content = b"\0".join(path.read_bytes() for path in out.iterdir())
    normalisation = load_bundle(out).normalisation[Modality.EEG]
    assert repr(float(normalisation.mean[0])).encode() in content, "the search finds what is there"
    for window in features(2, 120, 7)[::7]:
        for x in (window, (window - normalisation.mean) / normalisation.std):
            for value in x:
                assert repr(float(value)).encode() not in content
                assert np.float64(value).tobytes() not in content
            assert x.astype(np.float32)[:2].tobytes() not in content


def test_a_threshold_that_helps_is_in_the_bundle_and_its_card(tmp_path: Path) -> None:
    """Half of the windows show the class, the other half nothing: those are left unanswered."""
    root, out, n = tmp_path / "root", tmp_path / "bundle", 240
    for person in range(1, 9):
        rng = np.random.default_rng(person)
        y, shown = rng.integers(0, 2, n), rng.random(n) < 0.5
        x = rng.standard_normal((n, 4)) + np.where(shown, 6.0 * y - 3.0, 0.0)[:, None]
        write_array(root, "Label", person, y)
        write_array(root, "EEG", person, x)

    result = run(
        "--dataset", "official", "--root", root, "--out", out, "--json",
        "--epochs", "20", "--context", "1",
    )  # fmt: skip

    assert result.exit_code == 0, result.stderr
    bundle = load_bundle(out)
    assert 0.5 < bundle.manifest.abstain_below < 1.0
    assert json.loads(result.stdout)["abstain_below"] == bundle.manifest.abstain_below
    card = bundle.read("card.md").decode()
    assert f"No label below a confidence of {bundle.manifest.abstain_below:g}" in card
    assert "Of the test people's windows" in card


def test_terms_can_be_given(tmp_path: Path) -> None:
    root, out = write_official(tmp_path / "root"), tmp_path / "bundle"

    result = run(
        "--dataset", "official", "--root", root, "--out", out, *QUICK,
        "--licence", "CC-BY-4.0", "--data-licence", "SEED licence agreement",
    )  # fmt: skip

    manifest = load_bundle(out).manifest
    assert result.exit_code == 0, result.stderr
    assert (manifest.licence, manifest.data_licence) == ("CC-BY-4.0", "SEED licence agreement")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--dataset", "seed"), "--dataset seed: got no --root, expected --root, the folder"),
        (("--dataset", "synthetic", "--root", "x"), "got --root 'x', expected no --root"),
        (("--dataset", "seed-x"), "'seed-x' is not one of 'sim', 'muse-ssvep'"),
        (("--dataset", "seed", "--root", "x", "--people", "4"), "--people with --dataset seed"),
        (("--dataset", "synthetic", "--seconds", "300"), "--seconds with --dataset synthetic"),
        (("--dataset", "own", "--root", "x", "--preset", "demo"), "--preset with --dataset own"),
        (("--dataset", "synthetic", "--people", "3"), "--people: got 3, expected 4 or more"),
        (("--dataset", "sim", "--allow-pickle"), "--allow-pickle: expected a data set whose"),
        (("--dataset", "own", "--root", "x", "--allow-pickle"), "--allow-pickle: expected a data"),
        (("--dataset", "sim", "--data-licence", "mine"), "the data are made up, and nobody's"),
        (("--dataset", "sim", "--licence", " "), "--licence: got nothing, expected the terms"),
        (("--dataset", "sim", "--context", "2"), "--context: got 2, expected 1 (the published"),
        (("--dataset", "sim", "--context", "2"), "attentions over time would see a single window"),
        (("--dataset", "sim", "--context", "65"), "--context: got 65, expected 1 (the published"),
        (("--dataset", "sim", "--context", "0"), "--context: got 0, expected 1 (the published"),
        (
            ("--dataset", "seed", "--root", "x", "--check-set"),
            "--check-set with --dataset seed: expected data whose windows may be passed on",
        ),
    ],
)
def test_bad_usage_ends_before_the_work(
    args: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    result = run(*args, "--out", tmp_path / "out")

    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_kept_windows_never_lie_in_a_bundle_or_over_something_else(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("", encoding="utf-8")
    for place, message in (("out/kept", "outside of it"), ("mine", "with thesis.txt in it")):
        keep = ("--keep-source", tmp_path / place)
        result = run("--dataset", "synthetic", "--out", tmp_path / "out", *keep)

        assert result.exit_code == 2
        assert message in " ".join(result.stderr.split())


def refused(root: Path, out: Path, *, dataset: str) -> str:
    """What the command says of a folder that cannot be used."""
    result = run("--dataset", dataset, "--root", root, "--out", out, *QUICK)
    assert result.exit_code == 1
    assert "Traceback" not in result.stderr
    assert not out.exists()
    return result.stderr


@pytest.mark.parametrize("dataset", list(WRITERS))
def test_a_folder_that_is_not_there_is_one_message(dataset: str, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"

    assert str(nowhere) in refused(nowhere, tmp_path / "out", dataset=dataset)


def test_people_that_cannot_be_learned_from_are_one_message(tmp_path: Path) -> None:
    out = tmp_path / "out"
    alone = write_official(tmp_path / "alone", people=(1,))
    apart = write_official(tmp_path / "apart")
    write_array(apart, "Label", 2, np.array([0] * 6 + [1] * 4))
    write_array(apart, "Label", 10, np.array([0] * 6 + [1] * 4))

    assert "got 1, expected at least two" in refused(alone, out, dataset="official")
    assert "windows of 1 only" in refused(apart, out, dataset="official")


def test_pickles_need_permission(tmp_path: Path) -> None:
    root = write_seed_v(tmp_path / "root")

    assert "--allow-pickle" in refused(root, tmp_path / "out", dataset="seed-v")
