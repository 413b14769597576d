"""The line under half a minute of jittery stamps, for a device whose rate holds that long."""

from collections import deque

import numpy as np

from hadua.models.features import FloatArray

_POINTS, _POINTS_NEEDED = 30, 4
_JITTER_S, _STEADY = 1e-3, 0.3
_DOUBT, _LEAST_DOUBT = 3.0, 0.25
_SHIFT_S, _SHIFT_LATENESS = 2e-3, 0.5


class SteadyLine:
    """Learns a period to a few ppm, and bounds instants by stamps of the last 30 s.

    The bounds of `Envelope` reach one to two seconds back, because they let the period be wrong by
    500 ppm. A sender that stamps ten blocks a second has only twenty delays in that time, and the
    least of those may be milliseconds. Crystals keep their rate much better. So the earliest stamp
    of each second is kept; the slope of the edge of their lower convex hull that lies over their
    middle is the period (Moon, Skelly and Towsley, INFOCOM 1999: the line below all points whose
    mean distance to them is least); and no sample is later than the lowest line of that slope
    through one of them. The points do not outlive a gap; the period does, until the next stretch
    has shown it over half as long.

    It has nothing to say about a stream without jitter, nor before four seconds have been seen, nor
    where the earliest stamps themselves scatter: a program that sleeps between samples has no rate
    that holds. If stamps stay above the line for two seconds, samples have been lost, and older
    points go.
    """

    def __init__(self) -> None:
        self._period_s: float | None = None
        self._shown_over = 0
        self._lateness_s: deque[float] = deque(maxlen=_POINTS)
        self._points: deque[tuple[int, float]] = deque(maxlen=_POINTS)
        self._lowest_s = self._scatter_s = self._usual_lateness_s = 0.0

    def restart(self) -> None:
        """Forget the points, because samples were lost; keep the period."""
        self._points.clear()

    def bound(self, k: FloatArray, s: FloatArray) -> FloatArray | None:
        """Latest instants `(n,)` of the samples of numbers `k` and stamps `s`; None: cannot say."""
        jitter_s = self._usual_lateness_s
        if self._period_s is None or jitter_s < _JITTER_S or self._scatter_s > _STEADY * jitter_s:
            return None
        k0, s0 = self._points[0] if self._points else (int(k[0]), float(s[0]))
        slope_s = (k - k0) * self._period_s
        lowest_s = float((s - s0 - slope_s).min())
        if self._points:
            lowest_s = min(lowest_s, self._lowest_s)
        return s0 + lowest_s + slope_s

    def close_second(self, earliest: tuple[int, float], *, lateness_s: float) -> None:
        """Take the earliest stamp of a second that is over: its sample's number, and the stamp.

        `lateness_s` is how late the latest of that second was.
        """
        self._lateness_s.append(lateness_s)
        self._usual_lateness_s = float(np.median(self._lateness_s))
        self._points.append(earliest)
        self._drop_what_was_before_a_loss()
        n = len(self._points)
        if n >= _POINTS_NEEDED and 2 * n >= self._shown_over:
            self._period_s, self._shown_over = _slope_under(list(self._points)), n
        if self._period_s is not None:
            above_s = self._above(self._period_s)
            self._lowest_s = min(above_s)
            if n >= _POINTS_NEEDED:
                self._scatter_s = float(np.median(above_s)) - self._lowest_s

    @property
    def n_seconds(self) -> int:
        """Seconds that it remembers since the last gap."""
        return len(self._points)

    def seen(self) -> tuple[float, float] | None:
        """The period since the last gap, and the doubt about it; None while it cannot say.

        That is before two seconds, or half of those that the period before the gap rests on.
        """
        n = len(self._points)
        if n < 2 or 2 * n < self._shown_over:
            return None
        period_s = _slope_under(list(self._points))
        above_s = np.array(self._above(period_s))
        scatter_s = _DOUBT * float(np.median(above_s - above_s.min()))
        least_s = _LEAST_DOUBT * self._usual_lateness_s * max(1.0, _POINTS_NEEDED / n)
        over = self._points[-1][0] - self._points[0][0]
        return period_s, max(scatter_s, least_s) / over

    def _above(self, period_s: float) -> list[float]:
        """How far each point lies above the line of that slope through the first one."""
        k0, s0 = self._points[0]
        return [s - s0 - (k - k0) * period_s for k, s in self._points]

    def _drop_what_was_before_a_loss(self) -> None:
        if self._period_s is None or len(self._points) < _POINTS_NEEDED:
            return
        *before_s, last_s, newest_s = self._above(self._period_s)
        shift_s = max(_SHIFT_S, _SHIFT_LATENESS * self._usual_lateness_s)
        if min(last_s, newest_s) - min(before_s) > shift_s:
            while len(self._points) > 2:
                self._points.popleft()


def _slope_under(points: list[tuple[int, float]]) -> float:
    """Slope of the lower convex hull over the mean abscissa of the points."""
    hull: list[tuple[int, float]] = []
    for k, s in points:
        while len(hull) > 1 and _turns_down(hull[-2], hull[-1], (k, s)):
            hull.pop()
        hull.append((k, s))
    middle = sum(k for k, _ in points) / len(points)
    i = next(i for i in range(1, len(hull)) if hull[i][0] >= middle)
    (k0, s0), (k1, s1) = hull[i - 1], hull[i]
    return (s1 - s0) / (k1 - k0)


def _turns_down(a: tuple[int, float], b: tuple[int, float], c: tuple[int, float]) -> bool:
    return (b[1] - a[1]) * (c[0] - b[0]) >= (c[1] - b[1]) * (b[0] - a[0])
