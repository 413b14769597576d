"""What may be said of a calibration, and by whom."""

from collections.abc import Mapping
from typing import Literal

Decision = Literal["accept", "reject", "cancel", "finish"]
Decider = Literal["operator", "cautious", "automatic"]
PlanValue = float | int | Mapping[str, int]
