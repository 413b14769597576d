"""Measures one level: devices, service and client as processes and threads of their own."""

import json
import os
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from hadua.models.errors import HaduaError
from hadua.service.certify.listening import Heard, Listener
from hadua.service.certify.load import GAZE_RATE_HZ
from hadua.service.certify.measured import Level, Load, counted, quantiles
from hadua.service.certify.processes import Told, devices, service
from hadua.service.certify.said import Said
from hadua.service.client import Client
from hadua.service.wire import StatusFrame

OnProgress = Callable[[str, float], None]
"""Told what is done, and the share of it."""

_RUNNING_S = 60.0
_SETTLE_S = 4.5  # the first eye window needs four seconds of gaze
_TAIL_S = 5.0
_POLL_S = 0.2


def measure(load: Load, *, flags: Sequence[str] = (), on_progress: OnProgress) -> Level:
    """Run one level.

    Args:
        load: What to ask of this machine.
        flags: Further ones of the service, as `--bundle`.
        on_progress: Told how far it is.

    Raises:
        HaduaError: a process that does not start or ends, or sessions that do not run.
    """
    prefix = f"certify-{uuid.uuid4().hex[:8]}"
    sending_s = _RUNNING_S + _SETTLE_S + load.seconds + _TAIL_S
    with (
        service(load.people, flags) as (url, pid),
        devices(prefix, load, seconds=sending_s) as sender,
        Client(url) as client,
    ):
        listener = Listener(url)
        try:
            sessions = _started(client, prefix, load.people, on_progress)
            _pause(_SETTLE_S, lambda share: on_progress("settling", share))
            before, cpu_before = Said.of(_metrics(url)), _cpu_s(pid)
            began_s, first = time.monotonic(), len(listener.heard)
            _pause(load.seconds, lambda share: on_progress("measuring", share))
            took_s = time.monotonic() - began_s
            listener.require_alive()
            heard = listener.heard[first:]
            after, cpu_after = Said.of(_metrics(url)), _cpu_s(pid)
            statuses = {s: client.session(s).status for s in sessions}
            for session in sessions:
                client.stop_session(session)
        finally:
            listener.close()
        late_s = _late_s(sender)
    share = None if cpu_before is None or cpu_after is None else (cpu_after - cpu_before) / took_s
    return _level(load, heard, sessions, statuses, before, after, late_s=late_s, cpu=share)


def _started(client: Client, prefix: str, people: int, on_progress: OnProgress) -> tuple[str, ...]:
    """Start every session and wait until each runs."""
    names = []
    for k in range(people):
        session = client.start_session(
            eeg=f"lsl:source_id={prefix}-{k}-eeg",
            gaze=f"lsl:source_id={prefix}-{k}-gaze",
            session_id=f"certify-{k}",
        )
        names.append(session.id)
    until_s = time.monotonic() + _RUNNING_S
    waiting = set(names)
    while waiting:
        on_progress("connecting", 1.0 - len(waiting) / people)
        for name in sorted(waiting):
            told = client.session(name)
            if told.problem is not None:
                raise HaduaError(f"session {name!r} of the measurement", got=told.problem.detail)
            if told.status.predictions > 0:
                waiting.discard(name)
        if time.monotonic() > until_s:
            raise HaduaError(
                f"sessions {', '.join(sorted(waiting)[:3])} of the measurement",
                got="no prediction",
                expected=f"a first one within {_RUNNING_S:g} s",
                hint="`hadua doctor` says what keeps streams from being found on this machine.",
            )
        time.sleep(_POLL_S)
    return tuple(names)


def _level(
    load: Load,
    heard: Sequence[Heard],
    sessions: Sequence[str],
    statuses: Mapping[str, StatusFrame],
    before: Said,
    after: Said,
    *,
    late_s: float,
    cpu: float | None,
) -> Level:
    arrival_ms = [h.arrival_ms for h in heard]
    lost = Counter(after.lost_since(before))
    for status in statuses.values():
        for stream in status.streams.values():
            lost["samples_lost_on_the_way"] += stream.lost_samples
            lost["samples_overflown"] += stream.overflows
    expected = 0
    for session in sessions:
        ends = sorted(h.end_s for h in heard if h.session_id == session)
        if len(ends) > 1:
            hop_s = min(b - a for a, b in pairwise(ends))
            expected += round((ends[-1] - ends[0]) / hop_s) + 1
        else:
            lost["sessions_that_fell_silent"] += 1
    lost["decisions_that_never_came"] += max(0, expected - len(heard))
    return Level(
        load=load,
        decisions=len(heard),
        expected=expected,
        labelled=sum(h.labelled for h in heard),
        arrival_ms=quantiles(arrival_ms),
        window_ms=quantiles([h.window_ms for h in heard]),
        longest_ms=max(arrival_ms, default=0.0),
        lag_ms=after.lag_ms_since(before),
        lost=dict(lost),
        histogram=counted(arrival_ms),
        sender_late_ms=late_s * 1e3,
        cpu_share=cpu,
    )


def the_load(people: int, channels: int, rate_hz: float, seconds: float) -> Load:
    """A level with the synthetic tracker's rate."""
    return Load(people, channels, rate_hz, GAZE_RATE_HZ, seconds)


def _late_s(sender: Told) -> float:
    """How late the devices were at most: what they last said, once a second."""
    late_s = 0.0
    while True:
        try:
            told = json.loads(sender.line(0.01))
        except HaduaError:
            return late_s
        late_s = max(late_s, float(told["late_s"]))


def _pause(seconds: float, told: Callable[[float], None]) -> None:
    until_s = time.monotonic() + seconds
    while (left_s := until_s - time.monotonic()) > 0.0:
        told(1.0 - left_s / seconds)
        time.sleep(min(_POLL_S, left_s))


def _metrics(url: str) -> str:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=10.0)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def _cpu_s(pid: int) -> float | None:
    """Processor time that a process has used; None where this system does not say it so."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))
