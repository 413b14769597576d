"""A calibration session as a value: what happened so far, and what each event makes of it.

It asks for nothing: no clock (a window brings its time), no chance, no file. Whoever holds it puts
each new value into the place of the old one, and stores it (`session_folder`) to go on after a
crash.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from pydantic import ConfigDict, with_config

from hadua.calibration.admission import admit
from hadua.calibration.collected import MODALITIES
from hadua.calibration.participant_id import require_participant
from hadua.calibration.plan import Plan
from hadua.calibration.policy import OPERATOR
from hadua.calibration.report import Report
from hadua.calibration.session_state import Refusal, State
from hadua.models.bundle import Bundle
from hadua.models.errors import CalibrationError
from hadua.models.features import FeatureWindow, Modality


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one window.

    Args:
        session: The session afterwards.
        kept: The modalities that count; none if the window does not.
        to_collect: Whether it is to be kept for learning, rather than part of the rest.
    """

    session: "CalibrationSession"
    kept: Mapping[Modality, FeatureWindow]
    to_collect: bool


@with_config(ConfigDict(extra="forbid", allow_inf_nan=False))
@dataclass(frozen=True, slots=True)
class CalibrationSession:
    """One person's calibration with one bundle.

    Args:
        id: Names it, in folders and in answers.
        participant: Pseudonym.
        bundle_id: `name@hash` of the bundle, for people.
        bundle_digest: The bundle's identity.
        hop_s: Distance of two of its windows.
        plan: What was asked for.
        state: Where it is.
        reason: Why it was rejected or has failed, in words; empty otherwise.
        rested: Usable windows of the rest.
        collected: Windows kept for learning.
        measured: How many of those have each modality.
        refused: How many windows did not count, by reason.
        first_s: LSL time of the first window of all; None before it.
        last_s: That of the last one.
        collecting_since_s: LSL time at which collecting began or went on; None before it.
        collected_before: Windows that were there by then.
        version: The profile that was fitted; None before it.
        report: What is known of it; None before it.
        policy: Name of who decides about it.
        computed: Where it was fitted, in words; empty before it.
    """

    id: str
    participant: str
    bundle_id: str
    bundle_digest: str
    hop_s: float
    plan: Plan
    state: State = State.IDLE
    reason: str = ""
    rested: int = 0
    collected: int = 0
    measured: Mapping[Modality, int] = field(default_factory=dict)
    refused: Mapping[Refusal, int] = field(default_factory=dict)
    first_s: float | None = None
    last_s: float | None = None
    collecting_since_s: float | None = None
    collected_before: int = 0
    version: int | None = None
    report: Report | None = None
    policy: str = OPERATOR.name
    computed: str = ""

    @classmethod
    def of(cls, bundle: Bundle, *, id: str, participant: str, plan: Plan) -> Self:
        """A session that has not begun.

        Raises:
            InvalidInputError: an id that cannot be a folder's name.
            CalibrationError: a plan that asks for a modality which the bundle does not have.
        """
        require_participant(participant)
        unknown = [m for m, n in plan.least.items() if n and m not in bundle.specs]
        if unknown:
            raise CalibrationError(
                f"plan of a calibration with bundle {bundle.id!r}",
                got=f"windows of {unknown[0]} asked for",
                expected=f"windows of {' and '.join(bundle.specs)} only",
            )
        return cls(id, participant, bundle.id, bundle.digest, bundle.hop_s, plan)

    def start(self) -> Self:
        """Begin with the rest, or with collecting if the plan has none."""
        self._require(State.IDLE, doing="start")
        first = State.BASELINE if self.plan.baseline_s else State.COLLECTING
        return replace(self, state=first)

    def take(
        self, end_s: float, windows: Mapping[Modality, FeatureWindow], bundle: Bundle
    ) -> Taken:
        """Look at the window of each modality that ends at `end_s`.

        A modality that is refused does not spoil the other one: the window counts without it, and
        the reason is counted only if nothing is left.

        Raises:
            CalibrationError: in a state in which no window counts.
        """
        if not self.state.takes_windows:
            raise self._wrong(doing="take a window", expected="baseline or collecting")
        kept, refusal = admit(
            windows, bundle, end_s=end_s, last_s=self.last_s, min_quality=self.plan.min_quality
        )
        if refusal is Refusal.OUT_OF_ORDER:
            return Taken(_refusing(self, refusal), {}, to_collect=False)
        first_s = end_s if self.first_s is None else self.first_s
        seen = replace(self, first_s=first_s, last_s=end_s)
        if refusal is not None:
            return Taken(_given_up(_refusing(seen, refusal)), {}, to_collect=False)
        if self.state is State.BASELINE:
            return Taken(_given_up(_rested(seen)), kept, to_collect=False)
        return Taken(_given_up(_collected(seen, kept)), kept, to_collect=True)

    @property
    def is_enough(self) -> bool:
        """Whether all that the plan asks for has been collected."""
        return self.collected >= self.plan.windows and not self.lacking

    @property
    def may_end(self) -> bool:
        """Whether collecting may be ended now, with less than the plan asks for."""
        fewest = self.collected >= self.plan.fewest
        return self.state is State.COLLECTING and fewest and not self.lacking

    @property
    def lacking(self) -> Mapping[Modality, int]:
        """Windows that are still needed of each modality; those with enough are left out."""
        had = {m: self.measured.get(m, 0) for m in self.plan.least}
        return {m: n - had[m] for m, n in self.plan.least.items() if n > had[m]}

    def end_collecting(self) -> Self:
        """Go on to fitting.

        Raises:
            CalibrationError: too little was collected.
        """
        self._require(State.COLLECTING, doing="end collecting")
        if not self.may_end:
            short = ", ".join(f"{n} more with {m}" for m, n in self.lacking.items())
            raise CalibrationError(
                f"calibration {self.id!r} cannot end yet",
                got=f"{self.collected} windows" + (f", {short} needed" if short else ""),
                expected=f"{self.plan.fewest} or more",
                hint="Go on collecting, or cancel.",
            )
        return replace(self, state=State.FITTING)

    def resumed(self, *, collected: int, measured: Mapping[Modality, int]) -> Self:
        """Go on after a restart, whose clock may have begun anew.

        Args:
            collected: Windows that are really there.
            measured: How many of them have each modality.
        """
        session = replace(
            self,
            collected=collected,
            measured=measured,
            first_s=None,
            last_s=None,
            collecting_since_s=None,
            collected_before=collected,
        )
        enough = session.state is State.COLLECTING and session.is_enough
        return replace(session, state=State.FITTING) if enough else session

    def fitted(self, version: int, report: Report) -> Self:
        """Note what the fit gave; somebody must decide now."""
        self._require(State.FITTING, doing="take a profile")
        return replace(self, state=State.READY, version=version, report=report)

    def accept(self) -> Self:
        """Let the profile serve."""
        self._require(State.READY, doing="accept")
        return replace(self, state=State.ACCEPTED)

    def reject(self, reason: str) -> Self:
        """Let what served before go on."""
        self._require(State.READY, doing="reject")
        return replace(self, state=State.REJECTED, reason=reason)

    def fail(self, reason: str) -> Self:
        """End it with what went wrong; also what `cancel` does.

        Raises:
            CalibrationError: it is over already.
        """
        if self.state.is_over:
            raise self._wrong(doing="fail", expected="a session that is not over")
        return replace(self, state=State.FAILED, reason=reason)

    def cancel(self) -> Self:
        """End it because somebody says so."""
        return self.fail("cancelled")

    def _require(self, state: State, *, doing: str) -> None:
        if self.state is not state:
            raise self._wrong(doing=doing, expected=state)

    def _wrong(self, *, doing: str, expected: str) -> CalibrationError:
        return CalibrationError(
            f"calibration {self.id!r} cannot {doing} now",
            got=f"state {str(self.state)!r}",
            expected=expected,
        )


def _refusing(session: CalibrationSession, refusal: Refusal) -> CalibrationSession:
    counts = {**session.refused, refusal: session.refused.get(refusal, 0) + 1}
    return replace(session, refused=counts)


def _rested(session: CalibrationSession) -> CalibrationSession:
    rested = session.rested + 1
    over = rested >= session.plan.baseline_windows(session.hop_s)
    return replace(session, rested=rested, state=State.COLLECTING if over else session.state)


def _collected(
    session: CalibrationSession, kept: Mapping[Modality, FeatureWindow]
) -> CalibrationSession:
    since_s = session.last_s if session.collecting_since_s is None else session.collecting_since_s
    had = session.measured
    after = replace(
        session,
        collected=session.collected + 1,
        measured={m: had.get(m, 0) + (m in kept) for m in MODALITIES if m in had or m in kept},
        collecting_since_s=since_s,
    )
    return replace(after, state=State.FITTING) if after.is_enough else after


def _given_up(session: CalibrationSession) -> CalibrationSession:
    """Itself, or failed if it has taken too long."""
    if session.first_s is None or session.last_s is None or not session.state.takes_windows:
        return session
    plan = session.plan
    if session.last_s - session.first_s < plan.most_s:
        return session
    short = "".join(f", {n} short of {m}" for m, n in session.lacking.items())
    worst = max(session.refused.items(), key=lambda item: item[1], default=None)
    why = f"; most others: {worst[0]} ({worst[1]})" if worst else ""
    return session.fail(
        f"{session.collected} of {plan.windows} windows{short} in {plan.most_s:g} s{why}"
    )
