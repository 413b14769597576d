"""A booth's side of calibrations that its pool fits: sent, asked after, checked, and taken home.

What is sent is a parcel: features, counts and a ticket. What comes back is believed as little as a
file from anywhere: it must be whole, of this bundle, and the answer to what was asked.
"""

import base64
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import msgspec

from hadua.calibration.fit_data import FitData, read_fit_data
from hadua.calibration.fit_parcel import FitParcel
from hadua.calibration.fit_request import FitRequest
from hadua.calibration.fitted import keep_fitted
from hadua.calibration.profile import Profile
from hadua.calibration.profile_files import of_files
from hadua.models.bundle import Bundle
from hadua.models.errors import HaduaError
from hadua.models.runtime import load_runtime
from hadua.service.cluster.link import PoolLink
from hadua.service.cluster.pool_http import PoolHttp, decoded
from hadua.service.cluster.remote import PoolError, PoolLateError, PoolRefusedError, PoolWrongError
from hadua.service.cluster.versions import versions_here

WITHIN_S = 120.0
"""How long a calibration waits for its pool, the line included."""
ASK_S = 10.0
EVERY_S = 0.5
_MOST_BYTES = 1 << 28
PATH = "/api/v1/fleet/fits"

OnPlace = Callable[[int], None]
"""Told the place in the pool's line; 0: it is fitted now."""


class _Told(msgspec.Struct):
    state: str
    place: int
    reason: str
    computed: str
    files: dict[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class PoolFits:
    """Fits at the pool; called from any thread.

    Args:
        connect: Makes connections to the pool, closed after each fit.
        link: Whether it is worth asking.
        bundle: The bundle that serves here and, it must be, there.
        booth: This booth's name there.
        within_s: When it is too late.
    """

    connect: Callable[[], PoolHttp]
    link: PoolLink
    bundle: Bundle
    booth: str
    within_s: float = WITHIN_S

    def fit(self, request: FitRequest, *, on_place: OnPlace, stop: threading.Event) -> str:
        """Have a profile fitted; it is in the calibration's folder then. Blocks.

        Args:
            request: What is asked for, without the source's windows.
            on_place: Told how far it is.
            stop: Set, it is wanted no more.

        Returns:
            Who fitted it, in words.

        Raises:
            PoolError: why there is none; the windows are still there.
            HaduaError: it could be fitted nowhere.
        """
        if not self.link.worth_asking:
            raise PoolError(f"pool {self.link.address!r} is {self.link.state}")
        data = read_fit_data(request.session, self.bundle)
        parcel = FitParcel.of(request, data, bundle_digest=self.bundle.digest)
        http = self.connect()
        try:
            told = self._asked(http, parcel, on_place, stop)
        finally:
            with suppress(PoolError):  # it forgets by itself what nobody asks for
                http.ask("DELETE", f"{PATH}/{parcel.ticket}", None, within_s=ASK_S)
            http.close()
        profile = self._checked(told, parcel, data)
        _require_wanted(stop)  # else the folder may be gone, with all that is kept of the person
        keep_fitted(request.session, replace(profile, participant=data.participant))
        return f"pool {self.link.address}, {told.computed}".removesuffix(", ")

    def _asked(
        self, http: PoolHttp, parcel: FitParcel, on_place: OnPlace, stop: threading.Event
    ) -> _Told:
        path, until_s = f"{PATH}/{parcel.ticket}", time.monotonic() + self.within_s
        body = {"booth": self.booth, "versions": versions_here(), "parcel": parcel.model_dump()}
        told = self._said(http, "PUT", path, body)
        while told is None or told.state not in ("done", "failed"):
            if told is not None:
                on_place(told.place)
            stop.wait(EVERY_S)
            _require_wanted(stop)
            if time.monotonic() > until_s:
                expected = f"one within {self.within_s:g} s"
                raise PoolLateError(
                    f"pool {self.link.address!r}", got="no profile", expected=expected
                )
            told = self._said(http, "GET", path, None)
        if told.state == "failed":
            raise PoolRefusedError(f"pool {self.link.address!r} has not fitted", got=told.reason)
        return told

    def _said(self, http: PoolHttp, method: str, path: str, body: object) -> _Told | None:
        """How it stands; None where that did not come in time, for it may come yet."""
        try:
            text = http.ask(method, path, body, within_s=ASK_S, most_bytes=_MOST_BYTES)
            return decoded(text, _Told)
        except PoolLateError:
            return None
        except ValueError as error:
            raise self._wrong(str(error)) from error

    def _checked(self, told: _Told, parcel: FitParcel, data: FitData) -> Profile:
        """The profile, if it is one, of this bundle, and what was asked for."""
        try:
            files = {
                name: base64.b64decode(text, validate=True) for name, text in told.files.items()
            }
            profile = of_files(files.__getitem__, where="the pool's profile")
            profile.require(self.bundle, participant=parcel.ticket)
            if profile.model:
                load_runtime(self.bundle, name="onnx", device="cpu", model=profile.model).close()
        except (HaduaError, KeyError, ValueError) as error:
            raise self._wrong(str(error)) from error
        made = profile.made
        got = (profile.version, profile.parent, made.seed, made.origin, made.settings.get("steps"))
        asked = (parcel.version, parcel.parent, parcel.seed, "calibration", parcel.steps)
        if got != asked or profile.n_seen != len(data.collected):
            raise self._wrong(f"the answer to something else: {got}, {profile.n_seen} windows")
        return profile

    def _wrong(self, what: str) -> PoolWrongError:
        return PoolWrongError(
            f"pool {self.link.address!r}", got=what, expected="the profile that was asked for"
        )


def _require_wanted(stop: threading.Event) -> None:
    if stop.is_set():
        raise PoolError("the fit is wanted no more")
