"""liblsl's own settings file, `lsl_api.cfg`, read the way liblsl reads it.

liblsl takes the first of `$LSLAPICFG`, `./lsl_api.cfg`, `~/lsl_api/lsl_api.cfg` and
`/etc/lsl_api/lsl_api.cfg` that it can read and understand. A line that it does not understand drops
the whole file, and a key that it does not know is passed over, both without a word to the user.
Source of the rules: liblsl's `api_config.cpp` and `inireader.cpp`; a test compares with liblsl
itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hadua.models.errors import HaduaError

_SPACE = " \t\r\n"
_KNOWN = {
    "ports": "MulticastPort BasePort PortRange AllowRandomPorts IPv6",
    "multicast": "ResolveScope ListenAddress IPv6MulticastGroup MachineAddresses LinkAddresses "
    "SiteAddresses OrganizationAddresses GlobalAddresses TTLOverride AddressesOverride "
    "Interfaces",
    "lab": "KnownPeers SessionID ResolveOverTCP",
    "tuning": "UseProtocolVersion WatchdogCheckInterval WatchdogTimeThreshold MulticastMinRTT "
    "MulticastMaxRTT UnicastMinRTT UnicastMaxRTT ContinuousResolveInterval TimerResolution "
    "MaxCachedQueries TimeUpdateInterval TimeUpdateMinProbes TimeProbeCount TimeProbeInterval "
    "TimeProbeMaxRTT OutletBufferReserveMs OutletBufferReserveSamples SendSocketBufferSize "
    "InletBufferReserveMs InletBufferReserveSamples ReceiveSocketBufferSize SmoothingHalftime "
    "ForceDefaultTimestamps SyncSendTimeout",
    "log": "level file",
}
_KEYS = {f"{section}.{key}" for section, keys in _KNOWN.items() for key in keys.split()}
_NUMBERS = ("ports.MulticastPort", "ports.BasePort", "ports.PortRange")
_IPV6 = ("allow", "allowed", "disable", "disabled", "force", "forced")
_SCOPES = ("machine", "link", "site", "organization", "global")


class LslConfigError(HaduaError):
    """A file that liblsl drops as a whole."""

    code = "lsl-config-invalid"


@dataclass(frozen=True, slots=True)
class LslConfig:
    """What liblsl is told.

    Args:
        session_id: Only streams of the same one are seen.
        known_peers: Computers that are asked by name, where multicast does not pass.
        multicast_port: UDP port on which streams are asked for.
        base_port: First port of the outlets.
        port_range: How many ports they may have.
        scope: How far a question travels.
        oddities: What was passed over, or means something else than it seems to.
    """

    session_id: str = "default"
    known_peers: tuple[str, ...] = ()
    multicast_port: int = 16571
    base_port: int = 16572
    port_range: int = 32
    scope: str = "site"
    oddities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundConfig:
    """Which file is in force.

    Args:
        config: What it says; the defaults if none is.
        path: The file, or None.
        dropped: Files that come before it, and why liblsl drops each.
        shadowed: Files that are there and are not looked at.
    """

    config: LslConfig = field(default_factory=LslConfig)
    path: Path | None = None
    dropped: tuple[tuple[Path, str], ...] = ()
    shadowed: tuple[Path, ...] = ()


def candidates(environment: Mapping[str, str], *, folder: Path) -> tuple[Path, ...]:
    """The files that liblsl would take, in its order.

    Args:
        environment: The process's environment.
        folder: The current folder.
    """
    home = environment.get("HOME") or environment.get("USERPROFILE")
    named = environment.get("LSLAPICFG")
    paths = [Path(named)] if named else []
    paths.append(folder / "lsl_api.cfg")
    if home:
        paths.append(Path(home) / "lsl_api" / "lsl_api.cfg")
    return (*paths, Path("/etc/lsl_api/lsl_api.cfg"))


def find_config(paths: tuple[Path, ...], read: Callable[[Path], bytes | None]) -> FoundConfig:
    """The file in force among `paths`; `read` gives a file's content, None if it cannot."""
    dropped: list[tuple[Path, str]] = []
    there = [(path, content) for path in paths if (content := read(path)) is not None]
    for i, (path, content) in enumerate(there):
        try:
            config = parse_config(content)
        except LslConfigError as error:
            dropped.append((path, str(error)))
            continue
        return FoundConfig(config, path, tuple(dropped), tuple(p for p, _ in there[i + 1 :]))
    return FoundConfig(dropped=tuple(dropped))


def parse_config(content: bytes) -> LslConfig:
    """Read a file.

    Raises:
        LslConfigError: liblsl would drop it, with the line.
    """
    values = _values(content.decode("utf-8", errors="replace"))
    _require(values, "ports.IPv6", _IPV6)
    _require(values, "multicast.ResolveScope", _SCOPES)
    if not -3 <= _number(values.get("log.level", "0"), 0) <= 9:
        raise LslConfigError("log.level", got=repr(values["log.level"]), expected="-3 to 9")
    peers = values.get("lab.KnownPeers", "{}")
    oddities = [*_oddities(values)]
    if not (peers.startswith("{") and peers.endswith("}")):
        oddities.append(f"KnownPeers = {peers} has no braces and is ignored: {{{peers}}}")
        peers = "{}"
    port, base, count = (
        _number(values.get(key, ""), default)
        for key, default in zip(_NUMBERS, (16571, 16572, 32), strict=True)
    )
    return LslConfig(
        session_id=values.get("lab.SessionID", "default"),
        known_peers=tuple(p.strip() for p in peers[1:-1].split(",") if p.strip()),
        multicast_port=port,
        base_port=base,
        port_range=count,
        scope=values.get("multicast.ResolveScope", "site"),
        oddities=tuple(oddities),
    )


def _values(text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    section = ""
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith(";") or not line.strip(_SPACE):
            continue
        if line.startswith("["):
            section, bracket, _ = line[1:].partition("]")
            if not bracket:
                raise _bad_line(number, line, "a closing bracket ]")
            continue
        key, equals, value = line.partition("=")
        if not equals:
            raise _bad_line(number, line, "KEY = VALUE, [SECTION], or a comment with ';' in front")
        if not value.strip(_SPACE):
            raise _bad_line(number, line, "a value behind the =")
        name = f"{section}.{key.strip(_SPACE)}"
        if name in values:
            raise _bad_line(number, line, "each key once")
        values[name] = value.strip(_SPACE)
    return values


def _bad_line(number: int, line: str, expected: str) -> LslConfigError:
    mark = " (a byte order mark is in front: save it without)" if line.startswith("\ufeff") else ""
    return LslConfigError(f"line {number}", got=f"{line.strip()!r}{mark}", expected=expected)


def _require(values: Mapping[str, str], key: str, allowed: tuple[str, ...]) -> None:
    if key in values and values[key] not in allowed:
        raise LslConfigError(key, got=repr(values[key]), expected=" or ".join(allowed))


def _oddities(values: Mapping[str, str]) -> list[str]:
    known = {key.lower(): key for key in _KEYS}
    found = [
        f"{key} is passed over" + (f": it is written {known[key.lower()]}" * (key.lower() in known))
        if key.lower() in known
        else f"{key} is not a key that liblsl knows"
        for key in values
        if key not in _KEYS
    ]
    found += [f"{k} is not a number: {v}" for k in _NUMBERS if not _is_int(v := values.get(k, "0"))]
    found += [
        f"what stands behind ';' is part of the value: {key} = {value}"
        for key, value in values.items()
        if ";" in value
    ]
    return found


def _number(text: str, default: int) -> int:
    return int(text) if _is_int(text) else default


def _is_int(text: str) -> bool:
    return text.removeprefix("-").isdecimal()
