"""Every baseline, in the order of the table."""

from hadua.calibration.baselines.adabn import ADABN
from hadua.calibration.baselines.coral import CORAL
from hadua.calibration.baselines.discrepancy import MMD_ONLY
from hadua.calibration.baselines.published import PUBLISHED
from hadua.calibration.baselines.softmatch import SOFTMATCH
from hadua.calibration.baselines.t_time import T_TIME
from hadua.calibration.baselines.tent import TENT
from hadua.calibration.baselines.unadapted import PERSON_Z, SOURCE_ONLY
from hadua.calibration.learner import Method

BASELINES: tuple[Method, ...] = (
    SOURCE_ONLY,
    PERSON_Z,
    ADABN,
    CORAL,
    MMD_ONLY,
    TENT,
    T_TIME,
    SOFTMATCH,
    PUBLISHED,
)
