"""Computers that do not exist, for the checks of `hadua doctor`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hadua.adapters.sources.lsl_discovery import StreamSummary
from hadua.adapters.sources.source import Source
from hadua.models.errors import HaduaError, UsageError
from hadua.models.features import Modality
from hadua.service.doctor.finding import Finding
from hadua.service.doctor.surroundings import (
    Facts,
    Library,
    Loopback,
    Outcome,
    Room,
    Surroundings,
    Transport,
)
from hadua.service.doctor.visit import Request, Visit

LINUX = Facts("Linux", "6.1", "x86_64", (3, 11, 7), 64, "0.1.0", ("/venv/bin/python",))


@dataclass
class FakeHost:
    """A healthy computer, unless told otherwise."""

    kind: Facts = LINUX
    variables: dict[str, str] = field(default_factory=dict)
    files: dict[Path, bytes] = field(default_factory=dict)
    commands: dict[str, Outcome] = field(default_factory=dict)
    rules: Sequence[str] = ()
    versions: dict[str, str] = field(default_factory=lambda: {"onnxruntime": "1.32.0"})
    providers: Sequence[str] | ImportError = ("CPUExecutionProvider",)
    space: Room | OSError = field(default_factory=lambda: Room(100 * 10**9, 200 * 10**9))
    speed: float | OSError = 300e6

    def facts(self) -> Facts:
        return self.kind

    def environment(self) -> Mapping[str, str]:
        return self.variables

    def read(self, path: Path) -> bytes | None:
        return self.files.get(path)

    def command(self, *words: str, timeout_s: float) -> Outcome | None:
        assert timeout_s <= 5.0
        return self.commands.get(words[0])

    def firewall_rules(self) -> Sequence[str]:
        return self.rules

    def version_of(self, distribution: str) -> str | None:
        return self.versions.get(distribution)

    def onnx_providers(self) -> Sequence[str]:
        if isinstance(self.providers, ImportError):
            raise self.providers
        return self.providers

    def room(self, path: Path) -> Room:
        if isinstance(self.space, OSError):
            raise self.space
        return self.space

    def write_speed(self, path: Path, n_bytes: int) -> float:
        if isinstance(self.speed, OSError):
            raise self.speed
        return self.speed


@dataclass
class FakeNetwork:
    """A network on which all goes well, unless told otherwise."""

    lsl: Library | HaduaError = field(
        default_factory=lambda: Library("1.18.6", 118, "/lib/liblsl.so")
    )
    seen: Loopback = field(default_factory=lambda: Loopback(0.01, "default"))
    multicast_fault: str = ""
    names: Sequence[str] = ()
    busy: set[tuple[Transport, int]] = field(default_factory=set)
    shared: set[int] = field(default_factory=set)
    found: Sequence[StreamSummary] = ()
    sources: Mapping[str, Source] = field(default_factory=dict)
    apart_s: float = 1e-5
    time_s: float = 0.0
    step_s: float = 0.01

    def library(self) -> Library:
        if isinstance(self.lsl, HaduaError):
            raise self.lsl
        return self.lsl

    def loopback(self, timeout_s: float) -> Loopback:
        return self.seen

    def multicast(self, group: str, port: int, timeout_s: float) -> str:
        return self.multicast_fault

    def resolves(self, name: str) -> bool:
        return name in self.names

    def taken(self, transport: Transport, host: str, port: int, *, shared: bool = False) -> str:
        free = (transport, port) not in self.busy or (shared and port in self.shared)
        return "" if free else "Address already in use"

    def streams(self, timeout_s: float) -> Sequence[StreamSummary]:
        return self.found

    def source(self, text: str, modality: Modality) -> Source:
        if text not in self.sources:
            raise UsageError(f"source {text!r}", expected="a known scheme")
        return self.sources[text]

    def clocks_apart_s(self) -> float:
        return self.apart_s

    def now_s(self) -> float:
        """Every look at the clock takes a step, so that nothing waits for ever."""
        self.time_s += self.step_s
        return self.time_s


def a_visit(
    host: FakeHost | None = None, network: FakeNetwork | None = None, **request: object
) -> Visit:
    """A visit to a computer that does not exist; `request` as for `Request`."""
    here = Surroundings(host or FakeHost(), network or FakeNetwork())
    return Visit(Request(**request), here)  # type: ignore[arg-type]


def said(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """State and text of findings."""
    return [(f.state.value, f.found) for f in findings]
