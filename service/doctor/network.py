"""Whether streams can be found and ports be had."""

from collections.abc import Sequence

from hadua.service.doctor.finding import Finding, State
from hadua.service.doctor.visit import Visit

FIND_S = 4.0
_GROUP = "239.255.172.215"
_MULTICAST_S = 1.0
_FEW_PORTS = 4
_CONFIG_HINT = "In lsl_api.cfg, under [lab]"


def look_at_discovery(visit: Visit) -> Sequence[Finding]:
    """Whether an outlet of this very program is found."""
    looked_at = "a stream of our own, looked for over LSL"
    seen = visit.here.network.loopback(FIND_S)
    visit.session_id = seen.session_id
    findings: list[Finding] = []
    if seen.found_s is None:
        fix = (
            "Allow this Python through the firewall (see the check 'firewall'). "
            f"{_CONFIG_HINT}, 'KnownPeers = {{127.0.0.1}}' asks without multicast, and "
            "'ResolveOverTCP = 1' without UDP."
        )
        state = State.PROBLEM if visit.uses_lsl else State.NOTE
        found = f"not found within {FIND_S:g} s: no stream will be"
        findings.append(Finding("discovery", state, looked_at, found, fix))
    else:
        findings.append(
            Finding("discovery", State.OK, looked_at, f"found in {1e3 * seen.found_s:.0f} ms")
        )
    said = visit.config.config.session_id
    if seen.session_id != said:
        found = f"liblsl uses SessionID {seen.session_id!r}, lsl_api.cfg as read says {said!r}"
        fix = "Is another lsl_api.cfg in force? Start in the folder from which you run hadua-serve."
        findings.append(Finding("discovery", State.WARNING, looked_at, found, fix))
    return findings


def look_at_multicast(visit: Visit) -> Sequence[Finding]:
    """Whether a multicast datagram leaves this computer and comes back."""
    looked_at = f"multicast to {_GROUP}"
    why = visit.here.network.multicast(_GROUP, 0, _MULTICAST_S)
    if not why:
        return [Finding("multicast", State.OK, looked_at, "a datagram came back")]
    fix = (
        "Streams of this computer can be found all the same. For those of others: connect a cable, "
        "leave the VPN, the guest Wi-Fi or the container (Docker: --network host), or name them. "
        f"{_CONFIG_HINT}: KnownPeers = {{192.168.1.20}}"
    )
    state = State.NOTE if visit.config.config.known_peers else State.WARNING
    return [Finding("multicast", state, looked_at, why, fix)]


def look_at_lsl_ports(visit: Visit) -> Sequence[Finding]:
    """The ports on which LSL asks and sends."""
    config, network = visit.config.config, visit.here.network
    findings: list[Finding] = []
    looked_at = f"UDP {config.multicast_port}"
    why = network.taken("udp", "0.0.0.0", config.multicast_port, shared=True)
    if why:
        fix = "Outlets of this computer are not found while that is so: stop the program that has "
        fix += "it (Windows: netstat -abn; Linux: sudo ss -ulpn)."
        findings.append(Finding("lsl-ports", State.WARNING, looked_at, why, fix))
    ports = range(config.base_port, config.base_port + config.port_range)
    busy = [
        p for p in ports if network.taken("tcp", "0.0.0.0", p) or network.taken("udp", "0.0.0.0", p)
    ]
    looked_at = f"TCP and UDP {ports.start} to {ports.stop - 1}"
    found = f"{len(busy)} of {len(ports)} are taken (each outlet takes two to four)"
    if len(ports) - len(busy) < _FEW_PORTS:
        fix = "New outlets of this computer may not be found: stop programs that send over LSL, or "
        fix += "write 'PortRange = 64' under [ports] of lsl_api.cfg on every computer."
        findings.append(Finding("lsl-ports", State.WARNING, looked_at, found, fix))
    else:
        findings.append(Finding("lsl-ports", State.OK, looked_at, found))
    return findings


def look_at_service_port(visit: Visit) -> Sequence[Finding]:
    """The port of the page and of the clients."""
    host, port = visit.settings.host, visit.settings.port
    looked_at = f"port {port} of {host} for hadua-serve"
    why = visit.here.network.taken("tcp", host, port) if port else ""
    if why:
        fix = "Is hadua-serve running already? Stop the program that has it, or choose another, as "
        fix += f"in --port {port + 1 if port < 65_535 else 8001}."
        return [Finding("service-port", State.PROBLEM, looked_at, why, fix)]
    return [Finding("service-port", State.OK, looked_at, "free")]
