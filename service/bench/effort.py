"""How much is measured: a look, or what is worth keeping."""

from dataclasses import dataclass

from hadua.service.bench.timing import PACE_S, Pace


@dataclass(frozen=True, slots=True)
class Effort:
    """How long a run may take.

    Args:
        hot: For what takes less than a millisecond.
        paced: The same, one call in 20 ms.
        batch: For what takes up to some milliseconds.
        slow: For what takes longer.
        seconds: For what is listened to.
        starts: How often the service is started.
        compiles: Whether to wait for torch.compile.
        crowds: Whether to serve as many people as was promised.
    """

    hot: Pace
    paced: Pace
    batch: Pace
    slow: Pace
    seconds: float
    starts: int
    compiles: bool
    crowds: bool

    @property
    def paces(self) -> tuple[Pace, Pace]:
        """Both ways in which what is called once per hop is measured."""
        return self.hot, self.paced


THOROUGH = Effort(
    hot=Pace(2000),
    paced=Pace(300, PACE_S),
    batch=Pace(300),
    slow=Pace(50),
    seconds=60.0,
    starts=5,
    compiles=True,
    crowds=True,
)
"""What is worth keeping."""

QUICK = Effort(
    hot=Pace(100),
    paced=Pace(10, PACE_S),
    batch=Pace(5),
    slow=Pace(2),
    seconds=8.0,
    starts=1,
    compiles=False,
    crowds=False,
)
"""Whether it runs at all; its figures are worth little."""
