"""A port of this computer that refuses is known at once; of anything else nothing is claimed."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from hadua.adapters.sources.lsl_doorbell import Doorbell


@dataclass
class Announced:
    """What a resolver would tell of an outlet."""

    port: int
    computer: str = ""
    xml: str | None = None

    def name(self) -> str:
        return "amp"

    def type(self) -> str:
        return "EEG"

    def source_id(self) -> str:
        return "id"

    def uid(self) -> str:
        return f"uid-{self.port}"

    def hostname(self) -> str:
        return self.computer or socket.gethostname()

    def channel_count(self) -> int:
        return 1

    def nominal_srate(self) -> float:
        return 100.0

    def as_xml(self) -> str:
        return self.xml or f"<info><v4data_port>{self.port}</v4data_port></info>"


@pytest.fixture
def doorbell() -> Iterator[Doorbell]:
    doorbell = Doorbell()
    yield doorbell
    doorbell.close()


def test_who_listens_is_there_and_who_has_ended_is_not(doorbell: Doorbell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        outlet = Announced(listening.getsockname()[1])
        assert [doorbell.refused(outlet) for _ in range(5)] == [False] * 5
    assert any(doorbell.refused(outlet) for _ in range(5))


@pytest.mark.parametrize(
    "outlet",
    [
        Announced(1, computer="another computer"),
        Announced(0),
        Announced(1, xml="<info><v4data_port>no number</v4data_port></info>"),
        Announced(1, xml="no XML"),
    ],
)
def test_of_what_cannot_be_asked_nothing_is_claimed(doorbell: Doorbell, outlet: Announced) -> None:
    assert not doorbell.refused(outlet)
