"""Firewalls, as far as they can be read without being an administrator."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PureWindowsPath

from hadua.service.doctor.finding import Finding, State
from hadua.service.doctor.surroundings import Host
from hadua.service.doctor.visit import Visit

_COMMAND_S = 2.0
_LOOKED_AT = "firewall"
_PORTS = "UDP 16571, TCP and UDP 16572 to 16604"
_LSL_PROGRAMS = re.compile(r"python|labrecorder|lsl|tobii|pupil|openbci|hadua", re.IGNORECASE)


def look_at_firewall(visit: Visit) -> Sequence[Finding]:
    """What the firewall of this system says about LSL."""
    host = visit.here.host
    look = _LOOKS.get(host.facts().system)
    findings = look(host) if look else []
    return findings or [
        Finding("firewall", State.OK, _LOOKED_AT, "nothing that blocks LSL, as far as can be read")
    ]


def _windows(host: Host) -> list[Finding]:
    """Rules that 'Cancel' on the firewall's question leaves behind: they block for good."""
    ours = {PureWindowsPath(p) for p in host.facts().programs}
    return [_blocked(rule, ours) for rule in map(_fields, host.firewall_rules()) if _blocks(rule)]


def _fields(rule: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in rule.split("|"))
    return {key: value for key, equals, value in pairs if equals}


def _blocks(rule: Mapping[str, str]) -> bool:
    live = rule.get("Active", "").upper() == "TRUE" and rule.get("Dir") == "In"
    program = PureWindowsPath(rule.get("App", "")).name
    return live and rule.get("Action") == "Block" and bool(_LSL_PROGRAMS.search(program))


def _blocked(rule: Mapping[str, str], ours: set[PureWindowsPath]) -> Finding:
    program, name = rule["App"], rule.get("Name", "?")
    own = PureWindowsPath(program) in ours
    found = f"the rule {name!r} blocks {'this Python' if own else 'a program'}: {program}"
    fix = (
        "Somebody pressed Cancel when Windows asked. Open 'Windows Defender Firewall with Advanced "
        f"Security', 'Inbound Rules', delete every {name!r} with the red sign, start the program "
        "again and press Allow. Or, as administrator: netsh advfirewall firewall delete rule "
        f'name=all dir=in program="{program}"'
    )
    return Finding("firewall", State.WARNING, _LOOKED_AT, found, fix)


def _linux(host: Host) -> list[Finding]:
    findings: list[Finding] = []
    ufw = host.read(Path("/etc/ufw/ufw.conf"))
    if ufw is not None and re.search(rb"^\s*ENABLED\s*=\s*yes", ufw, re.MULTILINE | re.IGNORECASE):
        fix = (
            "If streams of other computers are not found: sudo ufw allow 16571/udp; sudo ufw allow "
            "16572:16604/tcp; sudo ufw allow 16572:16604/udp"
        )
        findings.append(Finding("firewall", State.NOTE, _LOOKED_AT, "ufw is switched on", fix))
    active = host.command("systemctl", "is-active", "firewalld", timeout_s=_COMMAND_S)
    if active is not None and active.output.strip() == "active":
        fix = (
            "If streams of other computers are not found: sudo firewall-cmd --permanent --add-port="
            "16571/udp --add-port=16572-16604/tcp --add-port=16572-16604/udp, then sudo "
            "firewall-cmd --reload"
        )
        findings.append(Finding("firewall", State.NOTE, _LOOKED_AT, "firewalld is active", fix))
    return findings or _nftables(host)


def _nftables(host: Host) -> list[Finding]:
    """Rules of nftables drop what comes in: readable for root only, and then worth a look."""
    listed = host.command("nft", "list", "ruleset", timeout_s=_COMMAND_S)
    if listed is None or listed.code != 0:
        return []
    drops = re.search(r"hook input[^}]*policy drop", listed.output, re.DOTALL)
    if not drops or "16571" in listed.output:
        return []
    found = "nftables drops what comes in, and no rule names LSL's ports"
    fix = f"Let your administrator allow {_PORTS} from the lab's network."
    return [Finding("firewall", State.WARNING, _LOOKED_AT, found, fix)]


def _darwin(host: Host) -> list[Finding]:
    tool = "/usr/libexec/ApplicationFirewall/socketfilterfw"
    state = host.command(tool, "--getglobalstate", timeout_s=_COMMAND_S)
    if state is None or "enabled" not in state.output.lower():
        return []
    fix = (
        "If streams are not found: System Settings, Network, Firewall, Options: allow incoming "
        "connections for this Python, and for 'Local Network' under Privacy."
    )
    return [Finding("firewall", State.NOTE, _LOOKED_AT, "the firewall is switched on", fix)]


_LOOKS: Mapping[str, Callable[[Host], list[Finding]]] = {
    "Windows": _windows,
    "Linux": _linux,
    "Darwin": _darwin,
}
