"""What became of one sender in one round of `stream_life.py`, from what was said of it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from five_senders import Fault, Sender
from stream_watching import GONE, Seen, Watched, number, uses

from hadua.adapters.sources.clock import lsl_now_s

NEAR_S = 0.06  # a sender's chunk and what re-stamping may be wrong by
ROUGHLY_S = 0.3
"""How well the arrival is known: an age that REST told, on a machine that was busy then."""
FLOWS = frozenset({"back", "changed"})
PLACES = ("REST", "WebSocket", "metrics", "log")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one sender in one round; seconds.

    Args:
        fault: What happened to it.
        noticed_s: From then until each place said so.
        found_again_s: From its first new sample to the arrival of samples in the session.
        well_s: From the arrival until each place said so; None where nothing was away.
        resumed_s: From the arrival to the first new answer that used them.
        state: What it was when it was well again.
        straddling: Answers that used a window across the gap, or a part of it.
        logged: Lines in the log: gone and back, or twin and no twin.
    """

    fault: Fault
    noticed_s: Mapping[str, float]
    found_again_s: float | None
    well_s: Mapping[str, float]
    resumed_s: float | None
    state: str
    straddling: int
    logged: tuple[int, int]


def outcome_of(
    sender: Sender,
    watched: Watched,
    log: Sequence[Mapping[str, object]],
    during: Seen,
    harmed_s: Mapping[Fault, float],
    healed_s: float,
) -> Outcome:
    fault = sender.fault
    mine = [line for line in log if line.get("session") == fault]
    doubled, harm_s = fault == "doubled", harmed_s[fault]
    gone, back = _in_log(mine, doubled=doubled)
    if doubled:
        noticed = {
            "REST": _first(watched.rest[fault], harm_s, lambda s: s.twins == 1),
            "WebSocket": _first(watched.frames[fault], harm_s, lambda s: s.twins == 1),
        }
        well = {
            "REST": _first(watched.rest[fault], healed_s, lambda s: s.twins == 0),
            "WebSocket": _first(watched.frames[fault], healed_s, lambda s: s.twins == 0),
        }
        arrived_s: float | None = None
        from_s = healed_s
    else:
        last = watched.rest[fault][-1]
        arrived_s = from_s = during.at_s - (during.age_s or 0.0) + last.last_outage_s
        noticed = {
            "REST": _first(watched.rest[fault], harm_s, lambda s: s.state in GONE),
            "WebSocket": _first(watched.frames[fault], harm_s, lambda s: s.state in GONE),
            "metrics": _all_gone_s(watched, harmed_s),
        }
        well = {
            "REST": _first(watched.rest[fault], arrived_s, lambda s: s.state in FLOWS),
            "WebSocket": _first(watched.frames[fault], arrived_s, lambda s: s.state in FLOWS),
        }
    noticed["log"] = (gone[0] if gone else np.inf) - harm_s
    well["log"] = (back[0] if back else np.inf) - from_s
    return Outcome(
        fault,
        noticed,
        None if arrived_s is None else arrived_s - healed_s,
        well,
        None if arrived_s is None else _resumed_s(watched, sender) - arrived_s,
        _state_then(watched.rest[fault], from_s),
        0 if doubled else _straddling(watched, sender),
        (len(gone), len(back)),
    )


def _in_log(
    lines: Sequence[Mapping[str, object]], *, doubled: bool
) -> tuple[list[float], list[float]]:
    """LSL times of the lines that say that it went wrong, and that it is well again."""
    wrong: list[float] = []
    well: list[float] = []
    ahead_s = lsl_now_s() - time.time()
    for line in lines:
        at_s = datetime.fromisoformat(str(line["timestamp"])).timestamp() + ahead_s
        event = line["event"]
        if doubled and event == "other senders of the same source_id":
            (wrong if line["n"] else well).append(at_s)
        elif not doubled and event in ("stream gone", "stream back"):
            (wrong if event == "stream gone" else well).append(at_s)
    return wrong, well


def _first(seen: Sequence[Seen], from_s: float, right: Callable[[Seen], bool]) -> float:
    """How long after `from_s` it was said first."""
    since_s = from_s - ROUGHLY_S
    return next((s.at_s - from_s for s in seen if s.at_s >= since_s and right(s)), np.inf)


def _state_then(seen: Sequence[Seen], from_s: float) -> str:
    return next(s.state for s in seen if s.at_s >= from_s and s.state not in GONE)


def _all_gone_s(watched: Watched, harmed_s: Mapping[Fault, float]) -> float:
    """From the last of the four faults until the figures showed four streams gone."""
    last_s = max(s for f, s in harmed_s.items() if f != "doubled")
    return next((at_s - last_s for at_s, n in watched.gone if at_s >= last_s and n == 4), np.inf)


def _resumed_s(watched: Watched, sender: Sender) -> float:
    """When the first answer came that used samples from after the gap."""
    return next(
        at_s
        for at_s, answer in watched.answers[sender.fault]
        if uses(answer) and number(answer, "end_s") > sender.gap_s[1] + NEAR_S
    )


def _straddling(watched: Watched, sender: Sender) -> int:
    gone_s, again_s = sender.gap_s
    return sum(
        uses(answer)
        and number(answer, "start_s") < again_s - NEAR_S
        and number(answer, "end_s") > gone_s + NEAR_S
        for _, answer in watched.answers[sender.fault]
    )


def is_well(watched: Watched, sender: Sender, healed_s: float) -> bool:
    last = watched.rest[sender.fault][-1]
    if sender.fault == "doubled":
        return last.at_s > healed_s and last.twins == 0
    again = used_since(watched, sender.fault, sender.gap_s[1] - NEAR_S) >= 3
    return again and last.state in ("back", "changed", "live")


def used_since(watched: Watched, fault: str, from_s: float) -> int:
    answers = watched.answers[fault]
    return sum(uses(a) and number(a, "start_s") >= from_s for _, a in answers)
