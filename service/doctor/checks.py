"""All checks, in the order in which they are made: later ones use what earlier ones found."""

from collections.abc import Sequence

from hadua.service.doctor.examination import Check
from hadua.service.doctor.expected import look_at_expected
from hadua.service.doctor.firewall import look_at_firewall
from hadua.service.doctor.library import look_at_config, look_at_library, look_at_peers
from hadua.service.doctor.listening import bound_s
from hadua.service.doctor.model import look_at_bundle, look_at_coverage, look_at_runtime
from hadua.service.doctor.network import (
    FIND_S,
    look_at_discovery,
    look_at_lsl_ports,
    look_at_multicast,
    look_at_service_port,
)
from hadua.service.doctor.quality import look_at_quality
from hadua.service.doctor.streams import (
    LIST_S,
    look_at_clocks,
    look_at_labels,
    look_at_rates,
    look_at_source_ids,
    look_at_streams,
    look_at_units,
)
from hadua.service.doctor.system import look_at_disk, look_at_settings, look_at_system

_LOAD_S = 30.0


def checks(*, seconds: float = 3.0) -> Sequence[Check]:
    """Every check; `seconds` is how long streams are listened to."""
    listening_s = LIST_S + bound_s(seconds) + 2.0
    return (
        Check("system", "operating system and Python", look_at_system),
        Check("settings", "settings", look_at_settings),
        Check("library", "Lab Streaming Layer library", look_at_library, bound_s=10.0),
        Check("lsl-config", "lsl_api.cfg", look_at_config),
        Check("known-peers", "KnownPeers", look_at_peers, bound_s=10.0, network=True),
        Check("discovery", "a stream of our own", look_at_discovery, FIND_S + 4.0, network=True),
        Check("multicast", "multicast", look_at_multicast, network=True),
        Check("firewall", "firewall", look_at_firewall, bound_s=10.0),
        Check("lsl-ports", "ports of LSL", look_at_lsl_ports),
        Check("service-port", "port of hadua-serve", look_at_service_port),
        Check("streams", "streams", look_at_streams, bound_s=listening_s),
        Check("expected", "expected streams", look_at_expected),
        Check("source-ids", "source_ids", look_at_source_ids, network=True),
        Check("rates", "rates", look_at_rates),
        Check("labels", "channel names", look_at_labels),
        Check("units", "units", look_at_units),
        Check("clock", "clocks", look_at_clocks),
        Check("runtime", "ONNX Runtime and GPU", look_at_runtime, bound_s=20.0),
        Check("bundle", "bundle", look_at_bundle, bound_s=_LOAD_S),
        Check("coverage", "streams and bundle", look_at_coverage, bound_s=_LOAD_S),
        Check("quality", "signals", look_at_quality, bound_s=20.0),
        Check("disk", "disk", look_at_disk, bound_s=15.0),
    )
