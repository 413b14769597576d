"""Who decides about a fitted profile: an operator, or a named rule on its risk."""

from dataclasses import dataclass
from typing import Literal

from hadua.calibration.report import Report, Risk
from hadua.models.errors import UsageError

Verdict = Literal["accept", "reject", "wait"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What follows from each risk; what is neither accepted nor rejected waits for an operator.

    Args:
        name: Its name.
        accepts: Risks at which a profile serves at once.
        rejects: Risks at which it is discarded.
    """

    name: str
    accepts: tuple[Risk, ...] = ()
    rejects: tuple[Risk, ...] = ()

    def decide(self, report: Report) -> Verdict:
        """What becomes of a profile with this report."""
        if report.risk in self.accepts:
            return "accept"
        return "reject" if report.risk in self.rejects else "wait"


OPERATOR = Policy("operator")
POLICIES = {
    policy.name: policy
    for policy in (
        OPERATOR,
        Policy("cautious", accepts=("low",), rejects=("high",)),
        Policy("automatic", accepts=("low", "medium"), rejects=("high",)),
    )
}


def policy_of(name: str) -> Policy:
    """The policy of a name.

    Raises:
        UsageError: there is none.
    """
    if name not in POLICIES:
        raise UsageError("policy", got=repr(name), expected=", ".join(POLICIES))
    return POLICIES[name]
