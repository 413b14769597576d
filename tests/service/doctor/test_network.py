"""Finding streams, multicast, ports, firewalls."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.doctor import LINUX, FakeHost, FakeNetwork, a_visit, said

from hadua.adapters.sources.lsl_config import FoundConfig, LslConfig
from hadua.service.config import Settings
from hadua.service.doctor.firewall import look_at_firewall
from hadua.service.doctor.network import (
    look_at_discovery,
    look_at_lsl_ports,
    look_at_multicast,
    look_at_service_port,
)
from hadua.service.doctor.surroundings import Loopback, Outcome

WINDOWS = replace(LINUX, system="Windows", programs=(r"C:\Python311\python.exe",))


def test_a_stream_of_our_own_is_found() -> None:
    visit = a_visit()
    assert said(look_at_discovery(visit)) == [("ok", "found in 10 ms")]
    assert visit.session_id == "default"


def test_if_it_is_not_found_no_session_over_lsl_can_run() -> None:
    visit = a_visit(network=FakeNetwork(seen=Loopback(None, "default")))
    (finding,) = look_at_discovery(visit)
    assert finding.state == "problem"
    assert "firewall" in finding.fix

    visit.settings = Settings.model_construct(demo=True)
    assert said(look_at_discovery(visit))[0][0] == "note"


def test_a_session_id_that_is_not_the_files_is_said() -> None:
    visit = a_visit(network=FakeNetwork(seen=Loopback(0.1, "other")))
    _, finding = look_at_discovery(visit)
    assert finding.state == "warning"
    assert "'other'" in finding.found


def test_multicast_that_does_not_pass_is_a_warning_unless_peers_are_named() -> None:
    assert said(look_at_multicast(a_visit())) == [("ok", "a datagram came back")]
    visit = a_visit(network=FakeNetwork(multicast_fault="Network is unreachable"))
    (finding,) = look_at_multicast(visit)
    assert (finding.state, finding.found) == ("warning", "Network is unreachable")
    assert "KnownPeers = {" in finding.fix

    visit.config = FoundConfig(LslConfig(known_peers=("a",)))
    assert said(look_at_multicast(visit))[0][0] == "note"


def test_ports_are_counted() -> None:
    busy: set[tuple[str, int]] = {("tcp", 16572), ("udp", 16572), ("tcp", 16580), ("udp", 16571)}
    network = FakeNetwork(busy=busy, shared={16571})  # type: ignore[arg-type]
    ((state, found),) = said(look_at_lsl_ports(a_visit(network=network)))
    assert (state, found) == ("ok", "2 of 32 are taken (each outlet takes two to four)")


def test_too_few_ports_and_one_that_is_not_shared() -> None:
    busy = {("udp", p) for p in range(16571, 16602)}
    network = FakeNetwork(busy=busy)  # type: ignore[arg-type]
    unshared, few = look_at_lsl_ports(a_visit(network=network))
    assert (unshared.state, unshared.looked_at) == ("warning", "UDP 16571")
    assert (few.state, few.found[:8]) == ("warning", "30 of 32")
    assert "PortRange = 64" in few.fix


def test_the_ports_are_those_of_the_file() -> None:
    visit = a_visit(network=FakeNetwork(busy={("udp", 20000), ("tcp", 20001)}))
    visit.config = FoundConfig(LslConfig(multicast_port=20000, base_port=20001, port_range=64))
    unshared, counted = look_at_lsl_ports(visit)
    assert unshared.looked_at == "UDP 20000"
    assert counted.looked_at == "TCP and UDP 20001 to 20064"
    assert counted.found.startswith("1 of 64")


def test_the_port_of_the_service() -> None:
    assert said(look_at_service_port(a_visit())) == [("ok", "free")]
    (finding,) = look_at_service_port(a_visit(network=FakeNetwork(busy={("tcp", 8000)})))
    assert finding.state == "problem"
    assert "--port 8001" in finding.fix


def rule(*, action: str = "Block", app: str = r"C:\Python311\python.exe", more: str = "") -> str:
    return f"v2.31|Action={action}|Active=TRUE|Dir=In|Protocol=6|App={app}|Name=python.exe|{more}"


def test_rules_that_the_question_of_windows_left_behind_are_named() -> None:
    rules = [
        rule(),
        rule(action="Allow"),
        rule().replace("TRUE", "FALSE"),
        rule().replace("Dir=In", "Dir=Out"),
        rule(app=r"C:\Games\game.exe"),
        rule(app=r"D:\LSL\LabRecorder.exe").replace("python.exe", "LabRecorder"),
    ]
    own, other = look_at_firewall(a_visit(FakeHost(kind=WINDOWS, rules=rules)))

    assert own.state == other.state == "warning"
    assert own.found == r"the rule 'python.exe' blocks this Python: C:\Python311\python.exe"
    assert r'program="C:\Python311\python.exe"' in own.fix
    assert other.found == r"the rule 'LabRecorder' blocks a program: D:\LSL\LabRecorder.exe"


def test_paths_of_windows_do_not_know_capitals() -> None:
    host = FakeHost(kind=WINDOWS, rules=[rule(app=r"c:\python311\PYTHON.EXE")])
    (finding,) = look_at_firewall(a_visit(host))
    assert "blocks this Python" in finding.found


@pytest.mark.parametrize(
    ("host", "state", "words"),
    [
        (FakeHost(files={Path("/etc/ufw/ufw.conf"): b"# x\nENABLED=yes\n"}), "note", "ufw allow"),
        (FakeHost(files={Path("/etc/ufw/ufw.conf"): b"ENABLED=no\n"}), "ok", ""),
        (FakeHost(commands={"systemctl": Outcome(0, "active\n")}), "note", "firewall-cmd"),
        (FakeHost(commands={"systemctl": Outcome(3, "inactive\n")}), "ok", ""),
        (
            FakeHost(
                commands={"nft": Outcome(0, "chain i { type filter hook input policy drop; }")}
            ),
            "warning",
            "UDP 16571",
        ),
        (
            FakeHost(
                commands={"nft": Outcome(0, "hook input policy drop; udp dport { 16571 } accept")}
            ),
            "ok",
            "",
        ),
        (FakeHost(commands={"nft": Outcome(1, "Operation not permitted")}), "ok", ""),
        (
            FakeHost(
                kind=replace(LINUX, system="Darwin"),
                commands={
                    "/usr/libexec/ApplicationFirewall/socketfilterfw": Outcome(
                        0, "Firewall is enabled. (State = 1)"
                    )
                },
            ),
            "note",
            "Local Network",
        ),
        (FakeHost(kind=replace(LINUX, system="FreeBSD")), "ok", ""),
    ],
)
def test_what_other_firewalls_say(host: FakeHost, state: str, words: str) -> None:
    (finding,) = look_at_firewall(a_visit(host))
    assert finding.state == state
    assert words in finding.fix
