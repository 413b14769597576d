"""What must be true of a world after every step, whatever has happened to it."""

import asyncio
import gc
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec
import psutil
from support.faults_bundle import EEG_WINDOW_S, HOP_S, faults_bundle
from support.happenings import Client, Happenings
from support.world import Person, World

from hadua.calibration.profile import AS_SHIPPED
from hadua.models.errors import ProfileError
from hadua.models.features import Modality
from hadua.service.storage.packing import unpacked

LAG_AT_MOST_S = 1.0
"""Of the event loop, beyond that of a thread that does nothing."""
GONE_WITHIN_S = 15.0
OF_SESSIONS = ("read-", "infer-", "learn-", "record", "fetch-")
TASKS_EACH = 6
"""Of a session, and of a connection."""
TRIES = 20
_EDGE_S = 0.02


class Said(msgspec.Struct):
    """What is looked at of a frame."""

    type: str
    seq: int = 0
    epoch: int = 0
    start_s: float = 0.0
    end_s: float = 0.0
    probabilities: dict[str, float] | None = None
    label: str | None = None
    abstained: bool | int = False
    modalities: dict[str, str] = {}
    state: str = ""
    losses: dict[str, int] = {}
    missed_from: int = 0
    missed_to: int = 0


@dataclass
class Seen:
    """How far a life of a session has been looked at."""

    epoch: int
    seq: int = 0
    end_k: int | None = None
    phase_s: float | None = None
    skipped: int = 0
    predictions: int = 0


@dataclass
class Checks:
    """Looks at everything, and counts what it has looked at.

    Args:
        world: Running.
        happenings: Whose clients are looked at.
    """

    world: World
    happenings: Happenings
    windows: int = 0
    withheld: int = 0
    skipped: int = 0
    frames: int = 0
    missed: int = 0
    worst_lag_s: float = 0.0
    rss_mb: list[float] = field(default_factory=list)
    _seen: dict[str, Seen] = field(default_factory=dict)

    @contextmanager
    def lag_watched(self, *, bounded: bool) -> Iterator[None]:
        """While it lasts, the event loop may not stand still, if that is bounded.

        A thread that does nothing else is late where the machine has other things to do; what the
        loop is late beyond that is its own.
        """
        loop, worst, idle = asyncio.get_running_loop(), [0.0], [0.0]
        over = threading.Event()

        async def watch() -> None:
            while True:
                due_s = loop.time() + 0.01
                await asyncio.sleep(0.01)
                worst[0] = max(worst[0], loop.time() - due_s)

        def do_nothing() -> None:
            while not over.is_set():
                due_s = time.monotonic() + 0.01
                over.wait(0.01)
                idle[0] = max(idle[0], time.monotonic() - due_s)

        watching = asyncio.create_task(watch(), name="test lag")
        beside = threading.Thread(target=do_nothing, name="test lag")
        beside.start()
        try:
            yield
        finally:
            watching.cancel()
            over.set()
            beside.join()
        own_s = worst[0] - 2.0 * idle[0]
        if bounded:
            self.worst_lag_s = max(self.worst_lag_s, own_s)
            assert own_s < LAG_AT_MOST_S, f"the loop stood still for {worst[0]:.2f} s ({idle[0]})"

    async def after(self, person: Person) -> None:
        """Everything that must hold after a step that happened to this person."""
        self._journal(person)
        await self._rest_equals_journal(person)
        if person.erased:
            self._nothing_left_of(person)
        self._profiles_are_whole(person)
        for client in self.happenings.clients:
            self.missed += sum(_length(f) for f in client.frames if f["type"] == "gap")
            self.frames += _contiguous(client)
        await self._everything_is_accounted_for()

    async def at_the_end(self) -> None:
        """Nothing is left behind once every session has ended."""
        for person in self.world.people:
            if self.world.runs(person):
                await self.world.service.sessions.stop(person.session_id)
            self._journal(person)
            self._kept(person)
        await self.happenings.close()
        await _eventually(lambda: not _threads(OF_SESSIONS), lambda: f"{_threads(OF_SESSIONS)}")
        await _eventually(lambda: not _learners(), lambda: f"{_learners()}")

    def note_memory(self) -> float:
        """Resident memory now, MB, after what is garbage was collected."""
        gc.collect()
        self.rss_mb.append(psutil.Process().memory_info().rss / 1e6)
        return self.rss_mb[-1]

    def _journal(self, person: Person) -> None:
        """No hole in `seq`; every window answered or counted; nothing made of invalid signal."""
        session = self.world.session(person)
        if session is None:
            return
        seen = self._seen.get(person.session_id)
        if seen is None or seen.epoch != session.epoch:
            seen = self._seen[person.session_id] = Seen(session.epoch)
        journal = session.publisher.journal
        new = journal.after(seen.seq)
        seqs = [item.seq for item in new]
        first = max(seen.seq + 1, journal.first_seq)
        assert seqs == list(range(first, journal.last_seq + 1)), f"a hole: {seqs}"
        whole = first == seen.seq + 1  # else so much was said at once that the journal let go
        said = [msgspec.json.decode(item.text, type=Said) for item in new]
        answers = [each for each in said if each.type == "prediction"]
        for answer in answers:
            self._answer(person, answer)
        self._hops(seen, answers, skipped=self._skipped(person), whole=whole)
        seen.seq = journal.last_seq

    def _answer(self, person: Person, answer: Said) -> None:
        self.windows += 1
        used = {m for m in Modality if answer.modalities[str(m)] == "used"}
        for modality in used:
            why = self._invalid(person, modality, answer)
            assert not why, f"{modality} was used: {why}; {answer}"
        assert used or answer.abstained, f"nothing was used, and it was answered: {answer}"
        self.withheld += answer.abstained
        if answer.probabilities is not None:
            p = answer.probabilities.values()
            assert all(0.0 <= each <= 1.0 for each in p), answer
            assert abs(sum(p) - 1.0) < 1e-6, answer

    def _invalid(self, person: Person, modality: Modality, answer: Said) -> str:
        """Why a window cannot have been measured; empty if it can."""
        wire = person.wires.get(modality)
        if wire is None:
            return "there is no such stream"
        window_s = EEG_WINDOW_S if modality is Modality.EEG else 4.0
        from_s, until_s = answer.end_s - window_s, answer.end_s
        for a, b in wire.invalid:
            if a <= from_s + _EDGE_S and until_s - _EDGE_S <= b:
                return f"all of it was invalid from {a} to {b}"
        for a, b in wire.breaks if modality is Modality.EEG else ():
            within = from_s + _EDGE_S < b and a < until_s - _EDGE_S
            if within and person.began_s <= a:
                return f"there was no sample between {a} and {b}"
        return ""

    def _skipped(self, person: Person) -> int:
        session = self.world.session(person)
        return 0 if session is None else session._losses().get("skipped_windows", 0)

    def _hops(self, seen: Seen, answers: Sequence[Said], *, skipped: int, whole: bool) -> None:
        """From one answer to the next one hop, but for those that are counted as skipped."""
        if answers and seen.phase_s is None:
            seen.phase_s = answers[0].end_s % HOP_S
        hops = [(answer.end_s - (seen.phase_s or 0.0)) / HOP_S for answer in answers]
        ends = [round(hop) for hop in hops]
        assert all(abs(hop - k) < 1e-6 for hop, k in zip(hops, ends, strict=True)), hops
        if ends and whole:
            line = ends if seen.end_k is None else [seen.end_k, *ends]
            assert all(a < b for a, b in pairwise(line)), f"windows out of order: {line}"
            missing = line[-1] - line[0] + 1 - len(line)
            assert missing == skipped - seen.skipped, (
                f"{missing} windows without an answer, {skipped - seen.skipped} counted: {line}"
            )
        if ends:
            self.skipped += skipped - seen.skipped
            seen.end_k, seen.skipped = ends[-1], skipped
        seen.predictions += len(ends)

    async def _rest_equals_journal(self, person: Person) -> None:
        session = self.world.session(person)
        if session is None:
            return
        journal = session.publisher.journal
        for _ in range(TRIES):  # it may say something while it is asked
            shown = (await self.world.http.get(person.path)).json()
            if shown["last_seq"] == journal.last_seq:
                break
        assert (shown["epoch"], shown["last_seq"]) == (session.epoch, journal.last_seq)
        assert shown["status"]["predictions"] == session.publisher.predictions
        last = [i for i in journal.after(0) if i.kind == "status"]
        if last:
            said = msgspec.json.decode(last[-1].text, type=Said)
            assert shown["status"]["state"] == said.state == str(session.state), shown["status"]
        if session.over.is_set():
            assert session.state.over
            self._kept(person)

    def _kept(self, person: Person) -> None:
        """The database has what the journal has, and how it ended."""
        session = self.world.session(person)
        if session is None or person.erased:
            return
        self.world.service.storage.flush()
        query = "SELECT seq, text FROM frames WHERE session_id = ? AND epoch = ? ORDER BY seq"
        rows = self.world.rows(query, session.id, session.epoch)
        journal = session.publisher.journal
        seqs = [seq for seq, _ in rows]
        whole = session.publisher.keeps
        assert seqs == list(range(1, (journal.last_seq if whole else len(seqs)) + 1))
        held = {item.seq: item.text for item in journal.after(0)}
        for seq, text in rows:
            assert unpacked(str(text)) == held.get(int(str(seq)), unpacked(str(text)))
        query = "SELECT state, last_seq FROM sessions WHERE id = ? AND epoch = ?"
        ended = self.world.rows(query, session.id, session.epoch)
        if session.over.is_set():
            assert ended == [(str(session.state), journal.last_seq)], ended

    def _nothing_left_of(self, person: Person) -> None:
        query = "SELECT count(*) FROM sessions WHERE participant = ?"
        assert self.world.rows(query, person.participant) == [(0,)]
        assert person.participant not in self.world.profiles().participants()

    def _profiles_are_whole(self, person: Person) -> None:
        store = self.world.profiles()
        if person.participant not in store.participants():
            return
        active = store.active_version(person.participant)
        versions = {*store.history(person.participant).versions, active} - {AS_SHIPPED}
        for version in versions:
            try:
                store.load(person.participant, version, bundle=faults_bundle())
            except ProfileError:
                # The process that learns goes on meanwhile, and keeps only so many versions.
                if version in store.history(person.participant).versions:
                    raise

    async def _everything_is_accounted_for(self) -> None:
        """No thread, task or connection beyond what the sessions and clients there are need."""
        world = self.world
        running = [p for p in world.people if world.runs(p)]
        most = sum(1 + len(p.sources) for p in running)
        await _eventually(
            lambda: len(_threads(("read-",))) <= most, lambda: f"{_threads(('read-',))}, {most} due"
        )
        clients = len(self.happenings.clients) + len(self.happenings.deaf)
        tasks = 20 + TASKS_EACH * (len(world.people) + clients)
        assert len(asyncio.all_tasks()) <= tasks, [t.get_name() for t in asyncio.all_tasks()]
        await _eventually(
            lambda: len(world.service.hub) <= clients,
            lambda: f"{len(world.service.hub)} clients, {clients} due",
        )


def _contiguous(client: Client) -> int:
    """Each `seq` of an epoch came, or a gap covered it; how many frames were looked at."""
    at, frames = client.at, client.frames
    client.frames = []
    for frame in frames:
        said = msgspec.convert(frame, type=Said, strict=False)
        if said.type == "bye":
            continue
        expected = at.get(said.epoch)
        if said.type == "hello":
            at[said.epoch] = said.seq
            continue
        first = said.missed_from if said.type == "gap" else said.seq
        assert expected is None or first == expected + 1, (
            f"after {expected} came {frame}, in {_short(frames)}"
        )
        at[said.epoch] = said.missed_to if said.type == "gap" else said.seq
    return len(frames)


def _length(gap: Mapping[str, object]) -> int:
    return int(str(gap["missed_to"])) - int(str(gap["missed_from"])) + 1


def _short(frames: Sequence[Mapping[str, object]]) -> list[tuple[object, ...]]:
    keys = ("type", "epoch", "seq", "missed_from", "missed_to")
    return [tuple(frame[key] for key in keys if key in frame) for frame in frames]


def _threads(names: tuple[str, ...]) -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith(names)]


_OURS = ("hadua.service.leashed", "hadua.service.learning.nursery_process")


def _learners() -> list[str]:
    lines = []
    for child in psutil.Process().children(recursive=True):
        try:
            lines.append(" ".join(child.cmdline()))
        except psutil.NoSuchProcess:
            continue
    return [line for line in lines if any(own in line for own in _OURS)]


async def _eventually(condition: Callable[[], bool], words: Callable[[], str]) -> None:
    try:
        async with asyncio.timeout(GONE_WITHIN_S):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(words()) from None
