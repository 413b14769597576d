"""The examination itself: bounded, whole, and documented."""

import re
import threading
import time
from pathlib import Path

import pytest
from support.doctor import FakeHost, FakeNetwork, a_visit

from hadua.models.errors import RuntimeUnavailableError
from hadua.service.doctor.checks import checks
from hadua.service.doctor.examination import Check, examine
from hadua.service.doctor.finding import Finding, State, told, worst
from hadua.service.doctor.machine import Machine
from hadua.service.doctor.machine_network import MachineNetwork
from hadua.service.doctor.surroundings import Host, Network
from hadua.service.doctor.visit import Visit

PAGE = Path(__file__).parents[3] / "docs" / "doctor.md"
FINE = Finding("fine", State.OK, "this", "that")


def fine(visit: Visit) -> list[Finding]:
    return [FINE]


def test_a_check_that_hangs_is_given_up_and_the_others_go_on() -> None:
    never = threading.Event()

    def hang(visit: Visit) -> list[Finding]:
        never.wait(30.0)
        return []

    started_s = time.monotonic()
    found = list(
        examine(a_visit(), [Check("stuck", "it", hang, bound_s=0.05), Check("fine", "that", fine)])
    )
    never.set()

    assert time.monotonic() - started_s < 5.0
    assert [f.check for f in found] == ["stuck", "fine"]
    assert found[0].state is State.WARNING
    assert "no answer within 0.05 s" in found[0].found


def test_a_check_that_fails_is_a_finding_of_its_own_and_the_others_go_on() -> None:
    def fail(visit: Visit) -> list[Finding]:
        raise ZeroDivisionError("by zero")

    found = list(examine(a_visit(), [Check("broken", "it", fail), Check("fine", "that", fine)]))

    assert [f.check for f in found] == ["broken", "fine"]
    assert found[0].state is State.WARNING
    assert "this check itself failed: ZeroDivisionError: by zero" in found[0].found


def test_without_a_network_only_this_computer_is_looked_at() -> None:
    both = [Check("far", "it", fine, network=True), Check("near", "it", fine)]
    assert len(list(examine(a_visit(network=None), both))) == 2
    visit = a_visit()
    visit.request = type(visit.request)(network=False)
    assert len(list(examine(visit, both))) == 1


def test_a_healthy_computer_without_streams_could_run_a_session() -> None:
    found = list(examine(a_visit(), checks()))

    states = {f.check: f.state for f in found}
    assert worst(found) is State.WARNING
    assert [name for name, state in states.items() if state is State.WARNING] == ["streams"]
    assert set(states) >= {c.name for c in checks()} - {"rates", "labels", "units"}


def test_every_finding_that_is_not_good_says_what_to_do() -> None:
    """All that can go wrong at once, goes wrong."""
    host = FakeHost(
        variables={"HADUA_PROT": "1", "LSLAPICFG": "/gone"},
        versions={},
        space=OSError(30, "Read-only file system"),
    )
    network = FakeNetwork(
        lsl=RuntimeUnavailableError("no LSL", got="nothing", hint="Install it."),
        multicast_fault="no route",
        busy={("tcp", 8000), ("udp", 16571), *(("udp", p) for p in range(16572, 16604))},
    )
    found = list(examine(a_visit(host, network), checks()))

    assert worst(found) is State.PROBLEM
    bad = [f for f in found if f.state in (State.WARNING, State.PROBLEM)]
    assert len(bad) >= 8
    assert all(len(f.fix) > 10 for f in bad)


def test_every_check_is_documented_and_every_documented_check_exists() -> None:
    headings = re.findall(r"^## `([a-z-]+)`$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == [check.name for check in checks()]


def test_every_check_has_a_bound_and_all_together_are_bearable() -> None:
    assert all(0.0 < check.bound_s <= 30.0 for check in checks())


def test_the_real_computer_meets_the_protocols() -> None:
    host: Host = Machine()
    network: Network = MachineNetwork()
    assert host.facts().bits in (32, 64)
    assert network.now_s() > 0.0


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeUnavailableError("a", got="b", hint="Do c."), ("a: got b.", "Do c.")),
        (RuntimeUnavailableError("a", got="b"), ("a: got b.", "Do d.")),
    ],
)
def test_an_error_is_split_into_what_was_found_and_what_to_do(
    error: RuntimeUnavailableError, expected: tuple[str, str]
) -> None:
    assert told(error, otherwise="Do d.") == expected
