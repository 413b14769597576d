"""What of a stream is worth waiting for, as it stood after a pipeline's latest step.

Readers and the bridge ask a dozen times for each window, and from threads of their own; what is
asked changes only when the pipeline is stepped. So each step leaves what it knows, and the answer
is a few comparisons.
"""

from collections.abc import Iterable, Mapping
from math import floor, inf
from typing import NamedTuple

from hadua.adapters.windows.alignment import SETTLE_S, Aligner
from hadua.models.features import Modality
from hadua.service.lane import Lane


class Foresight(NamedTuple):
    """Of one stream, between two steps; stamps in seconds.

    Args:
        next_end_s: End of its next window; minus infinity: it is not known.
        own_due_s: No sample stamped earlier completes that window.
        due_s: None stamped earlier gives a result, of whichever window.
        sure_s: One stamped so, or later, completes the window.
        begin_due_s: From about here on it can be begun.
        early_s: From one sample to the next; 0 where no rate tells.
        hop_s: From one window to the next.
        aligner: Knows where to hear of a stream settles something; asked what never changes.
    """

    next_end_s: float
    own_due_s: float
    due_s: float
    sure_s: float
    begin_due_s: float
    early_s: float
    hop_s: float
    aligner: Aligner

    def due_after_s(self, seen_s: float) -> float:
        """No sample stamped earlier gives a result, where all up to `seen_s` is on its way."""
        past_s = seen_s - self.sure_s
        if self.next_end_s == -inf or seen_s < self.due_s or past_s < 0.0:
            return self.due_s
        # Of the window that comes next, and of those after it, all is there: what is due is the
        # one after these, or that this stream is heard beyond the end of one of them.
        next_s = self.own_due_s + (floor(past_s / self.hop_s) + 1) * self.hop_s
        heard_s = self.aligner.settles_next_s(self.next_end_s, seen_s + self.early_s)
        return min(next_s, heard_s - self.early_s)


def foresee(lanes: Mapping[Modality, Lane], aligner: Aligner) -> dict[Modality, Foresight]:
    """Of each stream, for now; in the thread that steps."""
    ends_s = [lane.extractor.next_end_s for lane in lanes.values()]
    said_s, settles_s = aligner.emitted_s, aligner.settles_at_s
    return {
        m: _of(lane, own_s, _heard_by_s(own_s, ends_s, said_s, settles_s), aligner)
        for (m, lane), own_s in zip(lanes.items(), ends_s, strict=True)
    }


def _of(lane: Lane, own_s: float, heard_by_s: float, aligner: Aligner) -> Foresight:
    extractor, rate_hz = lane.extractor, lane.stream.rate_hz
    early_s = 1.0 / rate_hz if rate_hz > 0.0 else 0.0
    own_due_s = extractor.due_s
    return Foresight(
        next_end_s=own_s,
        own_due_s=own_due_s,
        due_s=min(own_due_s, heard_by_s - early_s),
        sure_s=extractor.sure_s,
        begin_due_s=extractor.begin_due_s,
        early_s=early_s,
        hop_s=lane.spec.hop_s,
        aligner=aligner,
    )


def _heard_by_s(own_s: float, ends_s: Iterable[float], said_s: float, settles_s: float) -> float:
    """By when a stream has to be heard of, because another one's window waits for that."""
    # What another stream will give for an earlier end waits until this one was heard beyond it.
    heard_s = [end_s + SETTLE_S for end_s in ends_s if said_s < end_s < own_s]
    return min(settles_s, *heard_s, inf)
