"""Settings: who wins, what is refused, and that each is described."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from hadua.models.errors import UsageError
from hadua.service.cli import serve
from hadua.service.config import Settings, load_settings

SETTINGS_PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"HADUA_{name.upper()}", raising=False)


def toml(folder: Path, text: str) -> Path:
    path = folder / "hadua.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_flag_over_environment_over_file_over_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = toml(tmp_path, "port = 1\nhost = 'file'\nstale_s = 1.5\nwait_s = 1")
    monkeypatch.setenv("HADUA_PORT", "2")
    monkeypatch.setenv("HADUA_HOST", "environment")
    settings = load_settings({"port": 3}, config=config)
    assert settings.port == 3
    assert settings.host == "environment"
    assert settings.stale_s == 1.5
    assert settings.bridge_s == 5.0


def test_every_setting_can_be_said_in_the_file(tmp_path: Path) -> None:
    texts = {"bundle": "'b'", "eeg": "'sim:'", "gaze": "'sim:'", "participant": "'P-1'"}
    texts |= {"baseline_s": "30", "keep_days": "30", "outlet": "true"}
    texts |= {"eeg_lag_ms": "12", "gaze_lag_ms": "30"}

    def line(name: str) -> str:
        default = Settings.model_fields[name].default
        if name in texts:
            return f"{name} = {texts[name]}"
        if isinstance(default, tuple):
            return f"{name} = []"
        if isinstance(default, bool):
            return f"{name} = {str(default).lower()}"
        return (
            f"{name} = {default}" if isinstance(default, int | float) else f"{name} = '{default}'"
        )

    config = toml(tmp_path, "\n".join(line(name) for name in Settings.model_fields))
    loaded = load_settings({}, config=config)
    assert loaded.bundle == Path("b")
    assert loaded.model_fields_set == set(Settings.model_fields)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prot = 1", "unknown setting 'prot'.*docs/settings.md"),
        ("port = 'abc'", "setting 'port': got 'abc', expected a valid integer"),
        ("port = 70000", "setting 'port': got 70000, expected less than or equal to 65535"),
        ("wait_s = nan", "setting 'wait_s': got nan"),
        ("runtime = 'jax'", "setting 'runtime': got 'jax', expected 'onnx' or 'torchscript'"),
        ("participant = 'Jane Doe'", "setting 'participant': got 'Jane Doe'"),
        ("port = ", "settings file .*hadua.toml.*expected a readable TOML file"),
    ],
)
def test_what_cannot_be_is_refused_with_both_sides(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_settings({}, config=toml(tmp_path, text))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.toml': got No such file .* path right\?"):
        load_settings({}, config=tmp_path / "nowhere.toml")


def test_a_flag_that_cannot_be_is_named_as_a_flag() -> None:
    with pytest.raises(UsageError, match=r"^--log-level: got 'loud'"):
        load_settings({"log_level": "loud"})


def test_every_setting_is_described_with_its_flag_and_default() -> None:
    rows = dict(
        re.findall(r"^\| `(\w+)` \| (.*)$", SETTINGS_PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert set(rows) == set(Settings.model_fields)
    flags = {p.name for p in get_command(serve.app).params} - {"config"}
    for name, field in Settings.model_fields.items():
        assert (f"`--{name.replace('_', '-')}`" in rows[name]) == (name in flags)
        assert field.description is not None
        assert field.description in rows[name]
        if isinstance(field.default, int | float | str) and not isinstance(field.default, bool):
            assert f"`{field.default}`" in rows[name]


def test_every_flag_is_a_setting() -> None:
    flags = {p.name for p in get_command(serve.app).params} - {"config"}
    assert flags <= set(Settings.model_fields)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{bad", r"setting HADUA_EXPECT: got '\{bad', expected JSON"),
        ("[" * 3000, r"environment.*brackets in brackets without an end"),
    ],
)
def test_a_variable_that_is_no_json(monkeypatch: pytest.MonkeyPatch, text: str, said: str) -> None:
    for name in ("HADUA_EXPECT", "hadua_expect"):
        with monkeypatch.context() as patch:
            patch.setenv(name, text)
            with pytest.raises(UsageError, match=said):
                load_settings({})
