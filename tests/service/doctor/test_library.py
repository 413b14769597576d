"""The LSL library and its settings file."""

from pathlib import Path

from support.doctor import FakeHost, FakeNetwork, a_visit, said

from hadua.adapters.sources.lsl_config import FoundConfig, LslConfig
from hadua.models.errors import RuntimeUnavailableError
from hadua.service.config import Settings
from hadua.service.doctor.library import look_at_config, look_at_library, look_at_peers
from hadua.service.doctor.surroundings import Library

MISSING = RuntimeUnavailableError("LSL is not available", got="OSError: no liblsl", hint="Install.")


def test_the_library_is_named() -> None:
    ((state, found),) = said(look_at_library(a_visit()))
    assert (state, found) == ("ok", "liblsl 1.18 (pylsl 1.18.6) from /lib/liblsl.so")


def test_without_it_a_session_over_lsl_cannot_run() -> None:
    visit = a_visit(network=FakeNetwork(lsl=MISSING))
    (finding,) = look_at_library(visit)
    assert (finding.state, finding.fix) == ("problem", "Install.")
    assert "OSError: no liblsl" in finding.found

    visit.settings = Settings.model_construct(eeg="file:a.xdf")
    (finding,) = look_at_library(visit)
    assert finding.state == "note"


def test_an_old_library_is_a_warning() -> None:
    old = FakeNetwork(lsl=Library("1.16.2", 116, "/usr/lib/liblsl.so"))
    (finding,) = look_at_library(a_visit(network=old))
    assert finding.state == "warning"
    assert "--upgrade pylsl" in finding.fix


def test_without_a_file_the_defaults_are_said() -> None:
    ((state, found),) = said(look_at_config(a_visit()))
    assert (state, found) == ("ok", "no lsl_api.cfg: defaults; SessionID 'default', scope 'site'")


def a_host(text: str, *, more: dict[Path, bytes] | None = None) -> FakeHost:
    path = Path("/home/me/lsl_api/lsl_api.cfg")
    return FakeHost(variables={"HOME": "/home/me"}, files={path: text.encode(), **(more or {})})


def test_the_file_in_force_its_session_and_its_peers_are_said() -> None:
    host = a_host(
        "[lab]\nSessionID = booth3\nKnownPeers = {10.0.0.7}\n",
        more={Path("/etc/lsl_api/lsl_api.cfg"): b""},
    )
    visit = a_visit(host)

    (finding,) = look_at_config(visit)

    assert finding.state == "note"
    assert "/home/me/lsl_api/lsl_api.cfg; SessionID 'booth3'" in finding.found
    assert "KnownPeers 10.0.0.7; not looked at: /etc/lsl_api/lsl_api.cfg" in finding.found
    assert "same one" in finding.fix
    assert visit.config.config.known_peers == ("10.0.0.7",)


def test_a_line_that_drops_the_whole_file_is_quoted() -> None:
    dropped, in_force = look_at_config(a_visit(a_host("# mine\n[lab]\nSessionID = x\n")))
    assert dropped.state == "warning"
    assert "line 1: got '# mine'" in dropped.found
    assert "';'" in dropped.fix
    assert "no lsl_api.cfg: defaults" in in_force.found


def test_what_is_passed_over_is_said() -> None:
    _, odd = look_at_config(a_visit(a_host("[lab]\nKnownPeers = 10.0.0.7\n")))
    assert odd.state == "warning"
    assert "no braces" in odd.found


def test_a_file_that_is_named_and_not_there() -> None:
    missing, in_force = look_at_config(a_visit(FakeHost(variables={"LSLAPICFG": "/gone.cfg"})))
    assert (missing.state, missing.looked_at) == ("warning", "LSLAPICFG")
    assert "'/gone.cfg'" in missing.found
    assert in_force.state == "ok"


def test_peers_whose_names_are_not_known() -> None:
    visit = a_visit(network=FakeNetwork(names=["10.0.0.7"]))
    assert said(look_at_peers(visit))[0][0] == "ok"

    visit.config = FoundConfig(LslConfig(known_peers=("10.0.0.7", "booth-2")))
    (finding,) = look_at_peers(visit)
    assert finding.state == "warning"
    assert finding.found.endswith("these names are not known: booth-2")

    visit.config = FoundConfig(LslConfig(known_peers=("10.0.0.7",)))
    assert said(look_at_peers(visit)) == [("ok", "asked by name: 10.0.0.7")]
