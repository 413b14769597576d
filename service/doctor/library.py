"""The LSL library and the settings file of its own."""

from collections.abc import Sequence
from pathlib import Path

from hadua.adapters.sources.lsl_config import FoundConfig, candidates, find_config
from hadua.models.errors import RuntimeUnavailableError
from hadua.service.doctor.finding import Finding, State
from hadua.service.doctor.visit import Visit

_OLDEST_PYLSL = (1, 18)


def look_at_library(visit: Visit) -> Sequence[Finding]:
    """Whether pylsl loads, and which liblsl it brings."""
    looked_at = "Lab Streaming Layer library"
    try:
        library = visit.here.network.library()
    except RuntimeUnavailableError as error:
        state = State.PROBLEM if visit.uses_lsl else State.NOTE
        return [Finding("library", state, looked_at, f"{error.what}: {error.got}", f"{error.hint}")]
    major, minor = divmod(library.liblsl, 100)
    found = f"liblsl {major}.{minor} (pylsl {library.pylsl}) from {library.path}"
    if (major, minor) < _OLDEST_PYLSL:
        fix = "Run: pip install --upgrade pylsl. If PYLSL_LIB or a system library takes its place, "
        fix += "remove that."
        return [Finding("library", State.WARNING, looked_at, found, fix)]
    return [Finding("library", State.OK, looked_at, found)]


def look_at_config(visit: Visit) -> Sequence[Finding]:
    """Which `lsl_api.cfg` is in force, and whether liblsl understands it."""
    host = visit.here.host
    paths = candidates(host.environment(), folder=Path.cwd())
    visit.config = found = find_config(paths, host.read)
    named = host.environment().get("LSLAPICFG")
    findings = [_dropped(path, why) for path, why in found.dropped]
    if named and host.read(Path(named)) is None:
        findings.append(
            Finding(
                "lsl-config",
                State.WARNING,
                "LSLAPICFG",
                f"it names {named!r}, which cannot be read, so liblsl goes on without it",
                "Correct the path, or take the variable away.",
            )
        )
    return [*findings, _in_force(found), *_oddities(found)]


def _in_force(found: FoundConfig) -> Finding:
    config = found.config
    where = f"{found.path}" if found.path else "no lsl_api.cfg: defaults"
    peers = f", KnownPeers {', '.join(config.known_peers)}" if config.known_peers else ""
    text = f"{where}; SessionID {config.session_id!r}, scope {config.scope!r}{peers}"
    if found.shadowed:
        text += f"; not looked at: {', '.join(map(str, found.shadowed))}"
    fix = ""
    if config.session_id != "default":
        fix = "Only streams with this SessionID are seen: give the senders the same one."
    return Finding("lsl-config", State.NOTE if fix else State.OK, "lsl_api.cfg", text, fix)


def _dropped(path: Path, why: str) -> Finding:
    return Finding(
        "lsl-config",
        State.WARNING,
        f"{path}",
        f"liblsl drops the whole file, SessionID and KnownPeers too, for one line: {why}",
        "Correct that line. Comments begin with ';' in the first column, never with '#'.",
    )


def _oddities(found: FoundConfig) -> list[Finding]:
    fix = "Correct it. Capitals and the section above it matter."
    return [
        Finding("lsl-config", State.WARNING, f"{found.path}", text, fix)
        for text in found.config.oddities
    ]


def look_at_peers(visit: Visit) -> Sequence[Finding]:
    """Whether the computers that are asked by name exist."""
    peers = visit.config.config.known_peers
    looked_at = "KnownPeers"
    if not peers:
        found = "none: streams are found where multicast reaches"
        return [Finding("known-peers", State.OK, looked_at, found)]
    unknown = [peer for peer in peers if not visit.here.network.resolves(peer)]
    if unknown:
        found = f"of {', '.join(peers)} these names are not known: {', '.join(unknown)}"
        fix = "Write the IP address of that computer instead (ipconfig or ip addr shows it)."
        return [Finding("known-peers", State.WARNING, looked_at, found, fix)]
    return [Finding("known-peers", State.OK, looked_at, f"asked by name: {', '.join(peers)}")]
