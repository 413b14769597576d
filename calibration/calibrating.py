"""A participant's calibration from the first window to the profile that serves.

Every step is on the disk before it counts, in an order in which a crash between two of them can be
told afterwards: `resume` finds out how far it came and finishes what was begun.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from hadua.calibration.fit_request import FitRequest
from hadua.calibration.fitted import read_fitted
from hadua.calibration.policy import OPERATOR, Policy, policy_of
from hadua.calibration.session import CalibrationSession, Taken
from hadua.calibration.session_state import State
from hadua.calibration.store import ProfileStore
from hadua.calibration.stored_session import StoredSession
from hadua.models.bundle import Bundle, Normalisation
from hadua.models.errors import CalibrationError
from hadua.models.features import FeatureWindow, Modality

FOLDER = "calibration"


@dataclass(slots=True)
class Calibration:
    """One calibration; call it from one thread at a time.

    Args:
        store: Where profiles go.
        bundle: The bundle that serves.
        stored: The session and its windows.
        policy: Who decides.
    """

    store: ProfileStore
    bundle: Bundle
    stored: StoredSession
    policy: Policy = OPERATOR

    @classmethod
    def begin(
        cls,
        store: ProfileStore,
        bundle: Bundle,
        session: CalibrationSession,
        *,
        policy: Policy = OPERATOR,
    ) -> Self:
        """Start a session; one of this participant that was there before goes.

        Raises:
            InvalidInputError, ProfileError: a participant's id that cannot be.
        """
        folder = calibration_folder(store, session.participant)
        begun = replace(session.start(), policy=policy.name)
        stored = StoredSession.begin(folder, begun, bundle, disk=store.disk)
        return cls(store, bundle, stored, policy)

    @classmethod
    def resume(
        cls,
        store: ProfileStore,
        bundle: Bundle,
        *,
        participant: str,
        at_unix: float,
        policy: Policy | None = None,
    ) -> Self:
        """Go on after a restart.

        Args:
            store: Where profiles go.
            bundle: The bundle that serves.
            participant: Whose.
            at_unix: Now, for the ledger.
            policy: Who decides; None for whoever was to when it began.

        Raises:
            CalibrationError: there is nothing to go on with, and why.
            UsageError: its policy is of a kind that there is not any more.
        """
        folder = calibration_folder(store, participant)
        stored = StoredSession.resume(folder, bundle, disk=store.disk)
        decides = policy_of(stored.session.policy) if policy is None else policy
        calibration = cls(store, bundle, stored, decides)
        calibration.settle(at_unix=at_unix)
        return calibration

    @property
    def session(self) -> CalibrationSession:
        """As it is now."""
        return self.stored.session

    def take(self, end_s: float, windows: Mapping[Modality, FeatureWindow]) -> Taken:
        """Look at the windows that end at `end_s`; see `CalibrationSession.take`."""
        return self.stored.take(end_s, windows)

    def tell(self, label: int, *, from_s: float, until_s: float) -> None:
        """Take a class that somebody has told; what is fitted from now on knows it."""
        self.stored.tell(label, from_s=from_s, until_s=until_s)

    def keep_prior(self, prior: Mapping[Modality, Normalisation]) -> None:
        """Note what normalises the features from now on: the rest is over."""
        self.stored.keep_prior(prior)

    def end_collecting(self) -> None:
        """Go on to fitting with less than the plan asks for; raises if it is too little."""
        self.stored.put(self.session.end_collecting())

    def request(self, *, source: Path | None = None, seed: int = 0) -> FitRequest:
        """What to ask a worker for, once the session is `fitting`."""
        participant = self.session.participant
        return FitRequest(
            bundle=self.bundle.path.absolute(),
            session=self.stored.folder.absolute(),
            source=None if source is None else source.absolute(),
            version=self.store.next_version(participant),
            parent=self.store.active_version(participant),
            seed=seed,
        )

    def note_computed(self, where: str) -> None:
        """Note where the profile that waits to be taken over was fitted, in words."""
        self.stored.put(replace(self.session, computed=where))

    def settle(self, *, at_unix: float) -> None:
        """Do what is due and needs nobody: take over a profile that was fitted, decide, finish.

        Args:
            at_unix: Now, for the ledger.

        Raises:
            ProfileError: the fitted profile is damaged; fit it again.
        """
        if self.session.state is State.FITTING:
            self._take_over(at_unix)
        if self.session.state is State.READY:
            self._finish_or_decide(at_unix)

    def accept(self, *, at_unix: float, reason: str = "accepted by the operator") -> None:
        """Let the profile serve."""
        accepted, version = self.session.accept(), self._version()
        self.store.activate(
            self.session.participant, version, bundle=self.bundle, at_unix=at_unix, reason=reason
        )
        self.stored.put(accepted)

    def reject(self, reason: str, *, at_unix: float) -> None:
        """Discard the profile; what served before goes on."""
        rejected, version = self.session.reject(reason), self._version()
        self.store.discard(self.session.participant, version, at_unix=at_unix, reason=reason)
        self.stored.put(rejected)

    def fail(self, reason: str) -> None:
        """End it with what went wrong."""
        self.stored.put(self.session.fail(reason))

    def cancel(self, *, at_unix: float) -> None:
        """End it because somebody says so; a profile that waits for a decision is discarded."""
        if self.session.state is State.READY:
            self.reject("cancelled", at_unix=at_unix)
        else:
            self.stored.put(self.session.cancel())

    def _take_over(self, at_unix: float) -> None:
        fitted, participant = read_fitted(self.stored.folder), self.session.participant
        if fitted is None:
            return
        reason = f"calibration {self.session.id}"
        version = self._saved_before(reason)
        if version is None:
            version = self.store.next_version(participant)
            parent = self.store.active_version(participant)
            self.store.save(
                replace(fitted, version=version, parent=parent), at_unix=at_unix, reason=reason
            )
        self.stored.put(self.session.fitted(version, fitted.made.report))

    def _saved_before(self, reason: str) -> int | None:
        """The version that a crash kept from being noted."""
        participant = self.session.participant
        history = self.store.history(participant)
        last = {event.version: event for event in history.events}
        saved = [v for v, e in last.items() if (e.event, e.reason) == ("saved", reason)]
        there = [v for v in saved if v in history.versions]
        return there[-1] if there else None

    def _finish_or_decide(self, at_unix: float) -> None:
        version, history = self._version(), self.store.history(self.session.participant)
        if history.active == version:
            self.stored.put(self.session.accept())
        elif version not in history.versions:
            self.stored.put(self.session.reject("the profile is no longer there"))
        elif self.session.report is not None:
            verdict = self.policy.decide(self.session.report)
            if verdict == "accept":
                self.accept(at_unix=at_unix, reason=f"accepted by policy {self.policy.name!r}")
            elif verdict == "reject":
                why = "; ".join(self.session.report.reasons)
                self.reject(f"rejected by policy {self.policy.name!r}: {why}", at_unix=at_unix)

    def _version(self) -> int:
        if self.session.version is None:
            raise CalibrationError(
                f"calibration {self.session.id!r}",
                got=f"state {str(self.session.state)!r} and no profile",
                expected="a profile that was fitted",
            )
        return self.session.version


def calibration_folder(store: ProfileStore, participant: str) -> Path:
    """Where a participant's calibration lies; it goes with everything else of theirs."""
    return store.folder(participant) / FOLDER
