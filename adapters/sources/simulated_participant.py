"""A simulated participant: one person in one session, and the two streams they give."""

from dataclasses import dataclass, field

from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.sources.simulated_blocks import BlockSignal
from hadua.adapters.sources.simulated_eeg import EEG_RATE_HZ, EegSignal
from hadua.adapters.sources.simulated_events import EventTrack, EyeEvent
from hadua.adapters.sources.simulated_gaze import GAZE_CHANNELS, GAZE_RATE_HZ, SCREEN, GazeSignal
from hadua.adapters.sources.simulated_person import make_person
from hadua.adapters.sources.simulated_states import DemoSchedule, Schedule, State
from hadua.adapters.sources.source import Channel, StreamSpec
from hadua.models.errors import UsageError
from hadua.models.features import Modality

_EEG_CHANNELS = tuple(Channel(label, "EEG", "microvolts") for label in SEED_62)


@dataclass(frozen=True, slots=True)
class Simulation:
    """One person in one session: everything that the signals are a function of.

    Args:
        person: Number of the person; draws the traits.
        seed: Number of the session; draws everything else.
        schedule: When which emotional state holds.
        name_prefix: Of the streams' names.
        mains_uv: Amplitude of mains hum in the EEG.
    """

    person: int = 1
    seed: int = 1
    schedule: Schedule = field(default_factory=DemoSchedule)
    name_prefix: str = "HADUA-sim"
    mains_uv: float = 1.0

    def __post_init__(self) -> None:
        if self.person < 0 or self.seed < 0:
            raise UsageError(
                "simulated participant",
                got=f"person={self.person}, seed={self.seed}",
                expected="numbers from 0 on",
            )

    def state_at(self, t_s: float) -> State:
        """The true state, `t_s` seconds after the stream's start."""
        return self.schedule.block_at(t_s).state

    def events(self, start_s: float, end_s: float) -> tuple[EyeEvent, ...]:
        """The true eye events that overlap `[start_s, end_s)`, in order, without holes."""
        return self._track().events(start_s, end_s)

    def signal(self, modality: Modality) -> BlockSignal:
        """The clean signal; each call makes a reader of its own, for one thread."""
        person = make_person(self.person)
        if modality is Modality.EYE:
            return GazeSignal(person, seed=self.seed, schedule=self.schedule, events=self._track())
        return EegSignal(
            person,
            seed=self.seed,
            schedule=self.schedule,
            events=self._track(),
            mains_uv=self.mains_uv,
        )

    def _track(self) -> EventTrack:
        return EventTrack(make_person(self.person), seed=self.seed, schedule=self.schedule)


def simulated_spec(simulation: Simulation, modality: Modality) -> StreamSpec:
    """How the stream of a simulated device describes itself."""
    eeg = modality is Modality.EEG
    name = f"{simulation.name_prefix}-{'eeg' if eeg else 'gaze'}"
    return StreamSpec(
        name=name,
        channels=_EEG_CHANNELS if eeg else GAZE_CHANNELS,
        rate_hz=EEG_RATE_HZ if eeg else GAZE_RATE_HZ,
        type="EEG" if eeg else "Gaze",
        source_id=f"{name}-p{simulation.person}-s{simulation.seed}",
        screen_px=None if eeg else (SCREEN.width_px, SCREEN.height_px),
    )
