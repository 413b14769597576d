"""A FieldTrip buffer as a `Source`: samples by number, stamped when they arrive."""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.delivery import Delivery, not_open
from hadua.adapters.sources.fieldtrip_header import FieldTripHeader, parse_header
from hadua.adapters.sources.fieldtrip_link import FieldTripLink, LinkDownError, RawHeader
from hadua.adapters.sources.lag import NO_LAG
from hadua.adapters.sources.source import SampleChunk, SourceHealth, StreamSpec
from hadua.adapters.sources.told import NOTHING_TOLD, Told
from hadua.models.errors import StreamInvalidError, StreamLostError, StreamNotFoundError
from hadua.models.features import Modality

_ANSWER_S = 1.0
_RETRY_S = 0.5
_RECHECK_S = 2.0
_RECHECK_BYTES = 64 << 10
_PULL_S = 0.5
_MIN_PULL = 64
_PULL_BYTES = 4 << 20
_STAMPS = (
    "a FieldTrip buffer has no clock: samples are stamped as they arrive, late by what the device, "
    "its program and the network take, and nobody knows how much that is"
)


class FieldTripSource:
    """Takes the samples of a FieldTrip buffer from now on, in order, each once.

    The buffer counts its samples, so what it has dropped before it was read is a gap of exactly
    known length. A buffer that goes away is asked for again at every read; the same one with the
    same header goes on behind a gap, another header ends the stream.

    Args:
        host: Computer with the buffer.
        port: TCP port.
        description: The SOURCE text it was made from.
        modality: What it measures; a buffer does not say.
        unit: Unit of every channel, where the operator knows it.
        told: What else the operator says about the stream.
        clock: LSL seconds now.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        description: str,
        modality: Modality,
        unit: str = "",
        told: Told = NOTHING_TOLD,
        clock: Callable[[], float] = lsl_now_s,
    ) -> None:
        self._host, self._port = host, port
        self._description = description
        self._modality, self._unit = modality, unit
        self._told = told
        self._clock = clock
        self._link: FieldTripLink | None = None
        self._header: FieldTripHeader | None = None
        self._delivery: Delivery | None = None
        self._open = False
        self._next = self._absences = 0
        self._left_s = self._retry_s = self._recheck_s = 0.0

    @property
    def description(self) -> str:
        """The SOURCE text it was made from."""
        return self._description

    def open(self, timeout_s: float) -> StreamSpec:
        """Wait for the buffer and for a header in it; see `Source`."""
        self.close()
        link, raw = self._wait_for_header(time.monotonic() + timeout_s, timeout_s)
        try:
            header = self._parse(raw)
        except StreamInvalidError:
            link.close()
            raise
        self._link, self._header = link, header
        self._delivery = Delivery(
            header.spec, notes=(*header.notes, _STAMPS), lag=self._told.lag(NO_LAG)
        )
        self._next, self._absences = raw.n_samples, 0
        self._recheck_s = time.monotonic() + _RECHECK_S
        self._open = True
        return header.spec

    def read(self, timeout_s: float) -> SampleChunk | None:
        """Wait for a sample, take those that are there; at most three seconds over time."""
        delivery, header = self._delivery, self._header
        if delivery is None or header is None or not self._open:
            raise not_open(self._description)
        waiting = delivery.pop()
        if waiting is not None:
            return waiting
        try:
            link = self._link or self._back(timeout_s, header, delivery)
            if link is not None:
                self._pull(link, timeout_s, header, delivery)
        except (LinkDownError, StreamNotFoundError):  # names, too, are gone without a network
            self._leave()
        except StreamInvalidError as error:
            raise StreamLostError(
                f"FieldTrip buffer {self._description!r} is gone", got=f"{error}"
            ) from error
        return delivery.pop()

    def health(self) -> SourceHealth:
        """Counts, and what is odd about the buffer."""
        if self._delivery is None:
            return SourceHealth()
        health, n = self._delivery.health(), self._absences
        away = (f"the buffer was away {n} time{'s' * (n > 1)}",) if n else ()
        return replace(health, notes=health.notes + away)

    def close(self) -> None:
        """Hang up."""
        self._open = False
        self._hang_up()

    def _wait_for_header(
        self, deadline_s: float, timeout_s: float
    ) -> tuple[FieldTripLink, RawHeader]:
        problem = ""
        while (left_s := deadline_s - time.monotonic()) > 0.0 or not problem:
            limit_s = max(min(left_s, 2.0 * _ANSWER_S), 0.01)
            try:
                return self._meet(limit_s, probe=True)
            except LinkDownError as error:
                problem = f"{error.what}: {error.got}" if error.got else error.what
            time.sleep(min(_RETRY_S, max(deadline_s - time.monotonic(), 0.0)))
        raise StreamNotFoundError(
            f"no FieldTrip buffer at {self._host}:{self._port} within {timeout_s:g} s",
            got=problem,
            expected="a buffer with a header",
            hint="Is the acquisition program running, and has its acquisition been started? Which "
            "port does its buffer have (usually 1972)? Does a firewall of that computer block it?",
        )

    def _meet(self, limit_s: float, *, probe: bool = False) -> tuple[FieldTripLink, RawHeader]:
        link = FieldTripLink(self._host, self._port, timeout_s=limit_s)
        try:
            raw = link.header(limit_s, probe=probe)
            if raw is None:
                raise LinkDownError("a buffer without a header", got="no acquisition so far")
        except BaseException:
            link.close()
            raise
        return link, raw

    def _parse(self, raw: RawHeader) -> FieldTripHeader:
        name = f"{self._host}:{self._port}"
        header = parse_header(raw, name=name, modality=self._modality, unit=self._unit)
        return replace(header, spec=self._told.about(header.spec))

    def _back(
        self, timeout_s: float, header: FieldTripHeader, delivery: Delivery
    ) -> FieldTripLink | None:
        """Try to reach a buffer that went away, at most once per `_RETRY_S`."""
        rest_s = self._retry_s - time.monotonic()
        if rest_s > 0.0:
            time.sleep(min(rest_s, timeout_s))
        if rest_s > timeout_s:
            return None
        link, raw = self._meet(max(timeout_s, _RETRY_S))
        self._link = link
        self._require_same(header, raw)
        away_s = time.monotonic() - self._left_s
        if not 0 <= raw.n_samples - self._next <= (1.5 * away_s + 1.0) * raw.rate_hz:
            self._begin_anew(raw, delivery)
        return link

    def _pull(
        self, link: FieldTripLink, timeout_s: float, header: FieldTripHeader, delivery: Delivery
    ) -> None:
        count = link.wait(self._next, wait_s=timeout_s, timeout_s=_ANSWER_S)
        at_s = self._clock()
        if count < self._next or self._recheck_due(header):
            raw = link.header(_ANSWER_S)
            if raw is None:
                raise LinkDownError("a buffer without a header any more")
            self._require_same(header, raw)
            if raw.n_samples < self._next:
                self._begin_anew(raw, delivery)
                return
        if count <= self._next:
            return
        first, x = self._fetch(link, count, header)
        if first > self._next:
            delivery.lose(first - self._next)
        self._next = first + x.shape[0]
        k = np.arange(first, self._next, dtype=np.float64)
        delivery.push(at_s - (count - 1 - k) / header.spec.rate_hz, _scaled(x, header))

    def _fetch(
        self, link: FieldTripLink, count: int, header: FieldTripHeader
    ) -> tuple[int, npt.NDArray[np.generic]]:
        """The next samples of `count`, or newer ones where the buffer has dropped those."""
        most = max(_MIN_PULL, int(_PULL_S * header.spec.rate_hz))
        most = max(min(most, _PULL_BYTES // header.sample_bytes), 1)
        first, n = self._next, min(count - self._next, most)
        width = header.sample_bytes
        while (x := link.samples(first, first + n, width=width, timeout_s=_ANSWER_S)) is None:
            n = n // 2 if first + n == count else n
            if not n:
                raise LinkDownError("a buffer that does not give the samples it counts")
            first = count - n
        if x.shape != (n, header.raw.n_channels) or x.nbytes != n * width:
            raise LinkDownError("samples that do not fit the header", got=f"{x.shape} {x.dtype}")
        return first, x

    def _recheck_due(self, header: FieldTripHeader) -> bool:
        """Now and then, unless the header is a large one: another may have been put meanwhile."""
        now_s = time.monotonic()
        due = now_s >= self._recheck_s and header.raw.n_bytes <= _RECHECK_BYTES
        if due:
            self._recheck_s = now_s + _RECHECK_S
        return due

    def _require_same(self, header: FieldTripHeader, raw: RawHeader) -> None:
        changed = header.difference(raw)
        if changed:
            self._hang_up()
            raise StreamLostError(
                f"FieldTrip buffer {self._description!r} has changed",
                got=changed,
                expected="the header with which the session began",
                hint="Start the session again if the change is meant.",
            )

    def _begin_anew(self, raw: RawHeader, delivery: Delivery) -> None:
        """Another acquisition counts from zero again: go on with its newest samples."""
        delivery.lose()
        self._next = raw.n_samples

    def _leave(self) -> None:
        now_s = time.monotonic()
        self._retry_s = now_s + _RETRY_S
        if self._link is not None:
            self._hang_up()
            self._left_s = self._retry_s = now_s
            self._absences += 1

    def _hang_up(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()


def _scaled(x: npt.NDArray[np.generic], header: FieldTripHeader) -> npt.NDArray[np.generic]:
    if header.scale is None:
        return x
    return np.asarray(x.astype(np.float64) * header.scale)
