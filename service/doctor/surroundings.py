"""What the checks ask of the computer that they run on; fakes meet the same protocols."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from hadua.adapters.sources.lsl_discovery import StreamSummary
from hadua.adapters.sources.source import Source
from hadua.models.features import Modality

Transport = Literal["tcp", "udp"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What kind of computer it is.

    Args:
        system: `Linux`, `Windows` or `Darwin`.
        release: Its release, for people.
        machine: Processor, as in `x86_64`.
        python: Version of Python.
        bits: 64, or 32 for a Python that few packages still have wheels for.
        hadua: Version of this program.
        programs: Paths under which a firewall may know this process.
    """

    system: str
    release: str
    machine: str
    python: tuple[int, int, int]
    bits: int
    hadua: str
    programs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command gave."""

    code: int
    output: str


@dataclass(frozen=True, slots=True)
class Library:
    """The LSL library as loaded."""

    pylsl: str
    liblsl: int
    path: str


@dataclass(frozen=True, slots=True)
class Loopback:
    """What became of an outlet that was made to be found again.

    Args:
        found_s: How long that took; None if it was not found.
        session_id: SessionID that liblsl really uses.
    """

    found_s: float | None
    session_id: str


@dataclass(frozen=True, slots=True)
class Room:
    """Space on a disk, in bytes."""

    free: int
    total: int


class Host(Protocol):
    """Operating system, files, packages."""

    def facts(self) -> Facts:
        """What kind of computer it is."""
        ...

    def environment(self) -> Mapping[str, str]:
        """Environment variables."""
        ...

    def read(self, path: Path) -> bytes | None:
        """A file's content; None if there is none, or none that may be read."""
        ...

    def command(self, *words: str, timeout_s: float) -> Outcome | None:
        """Run a program; None if there is no such program, or it does not end in time."""
        ...

    def firewall_rules(self) -> Sequence[str]:
        """Windows' firewall rules as the registry holds them; empty elsewhere."""
        ...

    def version_of(self, distribution: str) -> str | None:
        """Version of an installed package, or None."""
        ...

    def onnx_providers(self) -> Sequence[str]:
        """What ONNX Runtime can run on; raises ImportError without it."""
        ...

    def room(self, path: Path) -> Room:
        """Space on the disk of a path, or of what exists above it; raises OSError."""
        ...

    def write_speed(self, path: Path, n_bytes: int) -> float:
        """Write so much into the folder, or what exists above it; bytes per second.

        Raises:
            OSError: it cannot be written there.
        """
        ...


class Network(Protocol):
    """Lab Streaming Layer and sockets."""

    def library(self) -> Library:
        """Load LSL; raises RuntimeUnavailableError."""
        ...

    def loopback(self, timeout_s: float) -> Loopback:
        """Make an outlet and look for it."""
        ...

    def multicast(self, group: str, port: int, timeout_s: float) -> str:
        """Send a datagram to a multicast group and receive it; why not, or empty if it came."""
        ...

    def resolves(self, name: str) -> bool:
        """Whether the name of a computer is known."""
        ...

    def taken(self, transport: Transport, host: str, port: int, *, shared: bool = False) -> str:
        """Why a port cannot be had, or empty; `shared`: together with others who share it."""
        ...

    def streams(self, timeout_s: float) -> Sequence[StreamSummary]:
        """LSL streams on the network."""
        ...

    def source(self, text: str, modality: Modality) -> Source:
        """The source that a SOURCE text means; raises UsageError."""
        ...

    def clocks_apart_s(self) -> float:
        """How far liblsl's clock is ahead of the one that this program reads."""
        ...

    def now_s(self) -> float:
        """LSL seconds now."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All that is asked of the computer."""

    host: Host
    network: Network
