"""`hadua export`: what goes in comes out in other words, and what cannot be is refused in words."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from support.bundles import make_bundle, random_network
from support.official_weights import Arrays, official_state
from support.vectors import vectors
from typer.testing import CliRunner, Result

from hadua.adapters.features.eeg_definitions import eeg_channels
from hadua.models.bundle import MANIFEST, Bundle, load_bundle
from hadua.models.export import export_bundle
from hadua.models.features import Modality
from hadua.models.manifest import CARD, ONNX, WEIGHTS
from hadua.models.official import load_official
from hadua.models.onnx_runtime import OnnxRuntime
from hadua.models.source_statistics import SourceStatistics
from hadua.service.cli.main import build

CHANNELS, N_EEG, N_EYE = ("FP1", "CZ", "OZ"), 15, 4


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(build(["export"]), ["export", *map(str, args)])


def said(result: Result) -> str:
    return " ".join(result.stderr.split())


def official(weights: Path, out: Path, **changed: str | None) -> Result:
    """`hadua export --official` with flags that suit the tiny network, but for those changed."""
    flags: dict[str, str | None] = {
        "classes": "sad,calm,happy",
        "eeg-features": "seed-de/1",
        "eeg-order": "channel-major",
        "channels": ",".join(CHANNELS),
        "window-s": "1",
        "normalisation": "identity",
        "licence": "CC-BY-4.0",
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    given = [w for k, v in flags.items() if v is not None for w in (f"--{k}", v)]
    return run("--official", weights, "--out", out, *given)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.safetensors"
    save_file(official_state(N_EEG, N_EYE), path)
    return path


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("old"), context=3, abstain_below=0.25)


def logits(bundle: Bundle, eeg: np.ndarray, eye: np.ndarray) -> np.ndarray:
    """Of single windows `(n, d)` in the bundle's order, on ONNX Runtime, normalised by it."""
    x = [
        bundle.normalisation[m].apply(v.astype(np.float64)).astype(np.float32)[:, None]
        for m, v in ((Modality.EEG, eeg), (Modality.EYE, eye))
    ]
    runtime = OnnxRuntime(bundle, device="cpu")
    return runtime.logits(x[0], x[1], np.ones((len(eeg), 1, 2), np.bool_))


def test_a_bundle_comes_out_under_other_words(old: Path, tmp_path: Path) -> None:
    words = ("--name", "renamed", "--version", "2", "--licence", "MIT", "--data-licence", "SEED's")

    result = run("--bundle", old, "--out", tmp_path / "new", *words, "--json")

    assert result.exit_code == 0, result.stderr
    before, after = load_bundle(old), load_bundle(tmp_path / "new")
    assert json.loads(result.stdout) == {
        "bundle": str(tmp_path / "new"), "id": after.id, "source_free": False
    }  # fmt: skip
    changed = {"name": "renamed", "version": "2", "licence": "MIT", "data_licence": "SEED's"}
    kept = before.manifest.model_dump(exclude={"files", "provenance"})
    assert after.manifest.model_dump(exclude={"files", "provenance"}) == {**kept, **changed}
    assert after.manifest.provenance["exported from"] == before.id
    assert after.manifest.provenance["data"] == "none"
    assert [after.read(n) for n in (WEIGHTS, ONNX)] == [before.read(n) for n in (WEIGHTS, ONNX)]
    card = after.read(CARD).decode()
    assert card.startswith("# Random, for tests")
    assert card.endswith("## Licence\n\nWeights: MIT\n\nData that they were trained on: SEED's\n")


def test_the_section_on_licences_gives_way_and_the_rest_of_the_card_stays(
    old: Path, tmp_path: Path
) -> None:
    card = tmp_path / "card.md"
    card.write_text(
        "# Mine\n\n## Licence\n\nOld words\\1.\n\n## After\n\nÜber.\n", encoding="utf-8"
    )

    result = run("--bundle", old, "--out", tmp_path / "new", "--card", card)

    assert result.exit_code == 0, result.stderr
    text = load_bundle(tmp_path / "new").read(CARD).decode()
    assert text == "# Mine\n\n## Licence\n\nWeights: CC0-1.0\n\n## After\n\nÜber.\n"


def test_source_statistics_go_along(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    base = load_bundle(make_bundle(tmp_path, context=1))
    statistics = SourceStatistics(
        frequencies=rng.standard_normal((5, 2, 384)).astype(np.float32),
        bandwidth=np.ones(1, np.float32),
        centre=np.zeros(384, np.float32),
        mean=np.zeros(20, np.float32),
        class_means=np.zeros((3, 20), np.float32),
        windows=np.full(3, 500),
        people=np.full(3, 5),
    )
    network = random_network(20, 33, context=1)
    source = export_bundle(
        network,
        path=tmp_path / "with",
        description=base.manifest,
        card="# Card",
        source_statistics=statistics,
    )

    result = run("--bundle", source.path, "--out", tmp_path / "new", "--json")

    assert json.loads(result.stdout)["source_free"] is True
    carried = load_bundle(tmp_path / "new").source_statistics()
    assert carried is not None
    assert carried.to_bytes() == statistics.to_bytes()


def test_a_damaged_bundle_is_refused(old: Path, tmp_path: Path) -> None:
    copy = make_bundle(tmp_path, context=1)
    (copy / WEIGHTS).write_bytes(b"x")
    result = run("--bundle", copy, "--out", tmp_path / "new")
    assert result.exit_code == 1
    assert "is not the file its manifest names" in said(result)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_the_published_weights_answer_through_onnx_as_published(
    suffix: str, tmp_path: Path
) -> None:
    numbers = vectors()
    state = {k.removeprefix("sd/"): v for k, v in numbers.items() if k.startswith("sd/")}
    path = tmp_path / f"weights{suffix}"
    store(path, state)

    result = official(path, tmp_path / "new", channels=None)

    assert result.exit_code == 0, result.stderr
    bundle = load_bundle(tmp_path / "new")
    assert len(eeg_names(bundle)) == 310
    x, expected = numbers["target"].astype(np.float32), numbers["logits_target"]
    got = logits(bundle, x[:, :310], x[:, 310:])
    assert np.abs(got - expected).max() <= 1e-5 * np.abs(expected).max()


def store(path: Path, state: Arrays) -> None:
    if path.suffix == ".npz":
        np.savez(path, allow_pickle=False, **state)
    else:
        save_file({k: np.array(v, order="C") for k, v in state.items()}, path)


def eeg_names(bundle: Bundle) -> tuple[str, ...]:
    return bundle.specs[Modality.EEG].names


@pytest.mark.parametrize("order", ["channel-major", "band-major"])
@pytest.mark.parametrize("keys", ["apart", "together"])
def test_any_order_and_scale_gives_the_network_its_own_input(
    weights: Path, tmp_path: Path, order: str, keys: str
) -> None:
    rng = np.random.default_rng(3)
    mean, std = rng.standard_normal(N_EEG + N_EYE), rng.uniform(0.5, 2.0, N_EEG + N_EYE)
    scale = tmp_path / "scale.npz"
    if keys == "together":
        np.savez(scale, mean=mean, std=std)
    else:
        np.savez(
            scale,
            eeg_mean=mean[:N_EEG], eeg_std=std[:N_EEG], eye_mean=mean[N_EEG:], eye_std=std[N_EEG:],
        )  # fmt: skip

    result = official(weights, tmp_path / "new", eeg_order=order, normalisation=str(scale))

    assert result.exit_code == 0, result.stderr
    bundle = load_bundle(tmp_path / "new")
    assert eeg_names(bundle)[:6] == (
        "FP1:delta", "FP1:theta", "FP1:alpha", "FP1:beta", "FP1:gamma", "CZ:delta"
    )  # fmt: skip
    de = rng.standard_normal((6, len(CHANNELS), 5))
    theirs = de if order == "channel-major" else de.transpose(0, 2, 1)
    eye = rng.standard_normal((6, N_EYE))
    x = (np.concatenate((theirs.reshape(6, -1), eye), axis=1) - mean) / std
    network = load_official(official_state(N_EEG, N_EYE))
    given = torch.tensor(x, dtype=torch.float32)[:, None]
    with torch.no_grad():
        expected = network(given[..., :N_EEG], given[..., N_EEG:]).numpy()
    got = logits(bundle, de.reshape(6, -1), eye)
    assert np.abs(got - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max())


def test_an_official_bundle_says_what_it_does_not_know(weights: Path, tmp_path: Path) -> None:
    result = official(
        weights, tmp_path / "new", eeg_features="hadua-de/1", hop_s="0.5", eye_window_s="4",
        data_licence="SEED's terms", name="lab", version="7",
    )  # fmt: skip

    assert result.exit_code == 0, result.stderr
    bundle = load_bundle(tmp_path / "new")
    assert result.stdout.startswith(f"{bundle.id} is in")
    assert eeg_channels(bundle.specs[Modality.EEG]) == CHANNELS
    eye = bundle.specs[Modality.EYE]
    assert (eye.label, eye.names[0], eye.window_s, eye.hop_s) == (
        "seed-eye/1", "seed-eye:1", 4.0, 0.5
    )  # fmt: skip
    m = bundle.manifest
    assert (m.name, m.version, m.context, m.data_licence) == ("lab", "7", 1, "SEED's terms")
    assert "trained elsewhere" in m.notice
    assert m.provenance["EEG order of the weights"] == "channel-major"
    card = bundle.read(CARD).decode()
    assert "None. Evaluate it on people" in card
    assert m.provenance["sha256 of weights.safetensors"] in card


def test_features_of_no_known_definition_are_numbered(weights: Path, tmp_path: Path) -> None:
    flags: dict[str, str | None] = {"eeg_features": "ours/3", "eye_features": "gaze/2"}
    result = official(weights, tmp_path / "new", channels=None, **flags)
    assert result.exit_code == 0, result.stderr
    bundle = load_bundle(tmp_path / "new")
    assert eeg_names(bundle)[:2] == ("ours:01", "ours:02")
    assert bundle.specs[Modality.EYE].label == "gaze/2"


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".pkl", ".ckpt", ""])
def test_a_pickle_is_refused_with_the_lines_that_convert_it(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(b"\x80\x04.")

    result = official(path, tmp_path / "new")

    assert result.exit_code == 2
    assert "may be a pickle and run code, expected a .safetensors or .npz file" in said(result)
    snippet = [line.strip() for line in result.stderr.splitlines() if line.startswith("    ")]
    assert len(snippet) == 3
    compile("\n".join(snippet), "snippet", "exec")
    assert "weights_only=True" in snippet[1]


def test_the_lines_that_convert_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    state = {k: torch.from_numpy(v.copy()) for k, v in official_state(N_EEG, N_EYE).items()}
    torch.save(state, "trained.pth")
    refused = official(Path("trained.pth"), tmp_path / "new")
    snippet = [line.strip() for line in refused.stderr.splitlines() if line.startswith("    ")]
    exec("\n".join(snippet), {})

    result = official(tmp_path / "weights.safetensors", tmp_path / "new")

    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"classes": "a,b"}, "--classes: got 2 names: a, b, expected 3"),
        ({"classes": "a,a,b"}, "--classes: got 'a,a,b', expected names with commas between"),
        ({"classes": "a,,b"}, "--classes: got 'a,,b'"),
        ({"classes": None, "window_s": None}, "--official without --classes, --window-s"),
        ({"licence": None}, "--official without --licence"),
        ({"eeg_order": None}, "--official without --eeg-order"),
        ({"eeg_features": "seed-de"}, "--eeg-features 'seed-de': expected a name and a version"),
        ({"channels": None}, "of 62 channels: got weights of 15 EEG features, expected 310"),
        (
            {"eeg_features": "ours/1"},
            "--channels with --eeg-features ours/1: expected one of hadua",
        ),
        ({"eye_features": "hadua-eye/1"}, "got weights of 4 eye features, expected 33"),
        ({"hop_s": "2"}, "windows: got --window-s 1, --eye-window-s 1, --hop-s 2"),
        ({"window_s": "0"}, "expected 0 < hop <= window"),
        ({"normalisation": "x.csv"}, "got a '.csv' file, expected a .npz file or 'identity'"),
        ({"name": "Has Space"}, "name of the bundle: got String should match"),
        ({"bundle": "x"}, "got both --bundle and --official, expected one of them"),
    ],
)
def test_refuses_flags_that_cannot_be(
    weights: Path, tmp_path: Path, changed: dict[str, str | None], message: str
) -> None:
    result = official(weights, tmp_path / "new", **changed)
    assert result.exit_code == 2, result.output
    assert message in said(result)
    assert not (tmp_path / "new").exists()


def _scale(**changed: object) -> dict[str, object]:
    plain = {"mean": np.zeros(N_EEG + N_EYE), "std": np.ones(N_EEG + N_EYE)}
    return {k: v for k, v in {**plain, **changed}.items() if v is not None}


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (_scale(std=None), 2, "got mean, expected eeg_mean, eeg_std, eye_mean, eye_std"),
        (_scale(mean=np.zeros(9)), 2, "'eeg_mean': got float64 (9,), expected numbers (15,)"),
        (_scale(std=np.zeros(N_EEG + N_EYE)), 2, "'eeg_std': got a value that is not finite, or"),
        (_scale(mean=np.full(N_EEG + N_EYE, np.nan)), 2, "'eeg_mean': got a value that is not"),
        (_scale(mean=np.array([{}] * 19)), 1, "no pickle is read"),
    ],
)
def test_refuses_scales_that_cannot_be(
    weights: Path, tmp_path: Path, content: dict[str, object], code: int, message: str
) -> None:
    path = tmp_path / "scale.npz"
    np.savez(path, **content)  # type: ignore[arg-type]
    result = official(weights, tmp_path / "new", normalisation=str(path))
    assert result.exit_code == code
    assert message in said(result)


def test_refuses_files_that_are_not_what_their_name_says(tmp_path: Path) -> None:
    out, pickled, torn, foreign, objects = (
        tmp_path / n for n in ("out", "a.npz", "b.safetensors", "c.npz", "d.npz")
    )
    torch.save({"x": torch.zeros(1)}, pickled)
    torn.write_bytes(b"\xff" * 40)
    with zipfile.ZipFile(foreign, "w") as archive:
        archive.writestr("evil.pkl", b"\x80\x04.")
    np.savez(objects, x=np.array([{}]))
    for path, message in (
        (pickled, "data.pkl' inside"),
        (torn, "not a safetensors file"),
        (foreign, "'evil.pkl' inside"),
        (objects, "no pickle is read"),
        (tmp_path / "nowhere.npz", "got no such file"),
    ):
        result = official(path, out)
        assert result.exit_code == 1, path
        assert message in said(result)
        assert not out.exists()


def test_refuses_weights_of_another_network(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    np.savez(path, a=np.zeros(3))
    result = official(path, tmp_path / "new")
    assert result.exit_code == 1
    assert "not the published network" in said(result)


def test_refuses_a_start_that_is_none_and_flags_of_the_other(old: Path, tmp_path: Path) -> None:
    neither = run("--out", tmp_path / "new")
    other = run("--bundle", old, "--out", tmp_path / "new", "--classes", "a,b", "--hop-s", "1")
    card = run("--bundle", old, "--out", tmp_path / "new", "--card", tmp_path / "none.md")

    assert [r.exit_code for r in (neither, other, card)] == [2, 2, 1]
    assert "got neither --bundle nor --official" in said(neither)
    assert "--classes, --hop-s with --bundle: expected none of them" in said(other)
    assert "none.md' cannot be read as text" in said(card)


def test_what_is_there_gives_way_only_when_asked(old: Path, tmp_path: Path) -> None:
    out = tmp_path / "new"
    first = run("--bundle", old, "--out", out)
    refused = run("--bundle", old, "--out", out, "--licence", "MIT")
    before = (out / MANIFEST).read_bytes()
    replaced = run("--bundle", out, "--out", out, "--licence", "MIT", "--replace")

    assert [r.exit_code for r in (first, refused, replaced)] == [0, 2, 0]
    assert "add --replace" in said(refused)
    assert b"CC0-1.0" in before
    assert load_bundle(out).manifest.licence == "MIT"
