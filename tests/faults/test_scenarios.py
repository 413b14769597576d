"""Whatever happens, in whatever order: after every step everything that was promised holds.

The real service with real pipelines, storage and learning; its sources and its clock are the
test's (`support.world`), what can happen is in `support.happenings`, what must hold in
`support.invariants`. A scenario that has once broken something is kept in `seeds/`, and played
always.
"""

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from support.keeping import new_data_folder
from support.playing import Play, play
from support.scenario import SIGNAL_FAULTS, STEPS, Step, load, save, steps_of

SEEDS = sorted((Path(__file__).parent / "seeds").glob("*.json"))
SOAK_SEEDS, SOAK_STEPS = range(20), 500
MOST_GROWTH_MB = 150.0
"""Of 10,000 steps; journals, kept sessions and torch are within."""

SIZES = st.floats(0.0, 1.0).map(lambda size: round(size, 2))
WHICH = st.sampled_from(("eeg", "gaze", "both"))
OTHERS = sorted(set(STEPS) - {"feed", "fault", "connect", "restart"})


class Lab(RuleBasedStateMachine):
    """A lab's day, as hypothesis imagines it; what it finds, it makes short."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="hadua-lab-")
        self._loop = asyncio.new_event_loop()
        self._play = Play(new_data_folder(Path(self._folder.name) / "data"), people=2)
        self._sound = True
        self._run(self._play.begin())

    @rule(who=st.integers(0, 1), size=SIZES)
    def feed(self, who: int, size: float) -> None:
        """Signal comes."""
        self._do(Step("feed", who, size))

    @rule(who=st.integers(0, 1), size=SIZES, what=st.sampled_from(SIGNAL_FAULTS))
    def fault(self, who: int, size: float, what: str) -> None:
        """Signal comes that is not as it should be."""
        self._do(Step("fault", who, size, what))

    @rule(who=st.integers(0, 1), size=SIZES, what=st.sampled_from(("latest", "lossless")))
    def connect(self, who: int, size: float, what: str) -> None:
        """A client comes."""
        self._do(Step("connect", who, size, what))

    @rule(name=st.sampled_from(OTHERS), who=st.integers(0, 1), size=SIZES, what=WHICH)
    def other(self, name: str, who: int, size: float, what: str) -> None:
        """Anything else."""
        self._do(Step(name, who, size, what))

    def teardown(self) -> None:
        """Everything ends, and nothing is left."""
        try:
            self._run(self._play.end(sound=self._sound))
        finally:
            self._loop.close()
            self._folder.cleanup()

    def _do(self, step: Step) -> None:
        self._sound = False
        self._run(self._play.do(step))
        self._sound = True

    def _run(self, work: Coroutine[object, object, None]) -> None:
        self._loop.run_until_complete(work)


def test_a_few_days_of_a_lab_break_nothing() -> None:
    run_state_machine_as_test(
        Lab,
        settings=settings(
            max_examples=2,
            stateful_step_count=25,
            derandomize=True,
            deadline=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("seed", SEEDS, ids=lambda path: path.stem)
def test_what_once_broke_something_breaks_nothing(seed: Path, tmp_path: Path) -> None:
    asyncio.run(_played(tmp_path, load(seed)))


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_ten_thousand_steps_break_nothing(tmp_path: Path) -> None:
    windows = steps = 0
    memory_mb = []
    for seed in SOAK_SEEDS:
        planned = steps_of(seed, SOAK_STEPS, learning=True)
        save(tmp_path / f"{seed}.json", planned)  # for seeds/, cut down, should it break something
        done = asyncio.run(_played(tmp_path / str(seed), planned))
        windows, steps = windows + done.checks.windows, steps + len(done.steps)
        memory_mb.append(done.checks.note_memory())

    assert steps == len(SOAK_SEEDS) * SOAK_STEPS
    assert windows > steps
    assert memory_mb[-1] < memory_mb[1] + MOST_GROWTH_MB, memory_mb


async def _played(folder: Path, steps: list[Step]) -> Play:
    return await play(new_data_folder(folder / "data"), steps)
