"""The methods that `hadua evaluate` knows, by the names of its `--methods`."""

from hadua.calibration.baselines.registry import BASELINES
from hadua.calibration.learner import Method
from hadua.calibration.ours import ABLATION, OURS

METHODS: tuple[Method, ...] = (*BASELINES, OURS, *ABLATION)
"""Every method, in the order of the table."""

DEFAULT: tuple[str, ...] = tuple(method.name for method in (*BASELINES, OURS))
"""What is run unless `--methods` says otherwise: all baselines and ours, without its parts."""

OURS_NAME = OURS.name
REFERENCE_NAME = "source-only"
