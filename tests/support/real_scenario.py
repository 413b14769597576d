"""Random days of a real process: what happens to it over REST and by signals, and what must hold.

What is looked at after each step is what anybody outside can see: REST, the database beside the
service, the files.
"""

import random
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from support.real_booth import Booth, booth, demo, eventually, rows, status

from hadua.calibration.store import ProfileStore
from hadua.service.person_data import PROFILES
from hadua.service.storage.packing import unpacked

SETTINGS = "min_free_mb = 0.0\nkeep_days = 3650.0"
PEOPLE = ("P01", "P02")
WEIGHTS = {
    "start": 6.0, "stop": 3.0, "wait": 4.0, "marker": 3.0, "calibrate": 2.0, "cancel": 1.0,
    "accept": 1.0, "roll back": 2.0, "record": 1.0, "enter": 2.0, "consent": 2.0, "erase": 1.5,
    "kill": 1.5, "restart": 1.0, "stop and go": 1.0,
}  # fmt: skip
MARKERS = "SELECT text FROM frames WHERE kind = 'marker'"
FAULTS = ("", "gap@2+1", "freeze@1+2", "nan@2+1", "lost@2+2", "rate@1*0.5")
"""Of the simulator's streams; the sixth is a device that is too slow."""


@dataclass
class RealDay:
    """A process, what was asked of it, and what it acknowledged.

    Args:
        folder: For everything.
        seed: Of what happens.
        weights: What happens, and how often.
    """

    folder: Path
    seed: int
    weights: Mapping[str, float] = field(default_factory=lambda: WEIGHTS)
    kills: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    acknowledged: Counter[str] = field(default_factory=Counter)
    gone: set[str] = field(default_factory=set)
    markers: list[tuple[str, str]] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)
    _booth: Booth | None = None

    @property
    def it(self) -> Booth:
        """The process that runs."""
        assert self._booth is not None
        return self._booth

    def play(self, steps: int, *, first: tuple[str, ...] = ()) -> None:
        """So many steps, and what must hold after each; those named first, of the first person."""
        chance = random.Random(self.seed)
        drawn = chance.choices(list(self.weights), list(self.weights.values()), k=steps)
        self._begin()
        try:
            for k, name in enumerate((*first, *drawn[len(first) :])):
                who = PEOPLE[0] if k < len(first) else chance.choice(PEOPLE)
                self._do(name, who, chance)
                self._require_all()
            self.it.leave()
        finally:
            self._stack.close()

    def _begin(self) -> None:
        self._stack = ExitStack()
        versions = 0 if self._booth else 3
        self._booth = self._stack.enter_context(
            booth(self.folder, settings=SETTINGS, versions=versions)
        )

    def _do(self, name: str, who: str, chance: random.Random) -> None:
        self.happened[name] += 1
        self._acts(who, chance)[name]()

    def _acts(self, who: str, chance: random.Random) -> dict[str, Callable[[], object]]:
        path = f"/api/v1/sessions/s-{who}"
        return {
            "start": lambda: self._start(who, chance),
            "stop": lambda: self._ask("POST", f"{path}/stop"),
            "wait": lambda: self._wait(who),
            "marker": lambda: self._mark(who, chance),
            "calibrate": lambda: self._ask(
                "POST", f"{path}/calibration", {}, noted="calibration started"
            ),
            "cancel": lambda: self._ask(
                "POST", f"{path}/calibration/cancel", noted="calibration cancelled"
            ),
            "accept": lambda: self._ask("POST", f"{path}/calibration/accept"),
            "roll back": lambda: self._ask(
                "POST", f"{path}/rollback", {"version": chance.choice((0, 1, 2))},
                noted="profile rolled back",
            ),
            "record": lambda: self._ask("POST", f"{path}/recording/stop"),
            "enter": lambda: self._enter(who),
            "consent": lambda: self._consent(who),
            "erase": lambda: self._erase(who),
            "kill": self._kill,
            "restart": self._restart,
            "stop and go": lambda: self._freeze(chance),
        }  # fmt: skip

    # What happens

    def _start(self, who: str, chance: random.Random) -> None:
        eeg = self._eeg(who, chance)
        body = {"id": f"s-{who}", "eeg": eeg, "gaze": "sim:", "participant": who}
        if self._ask("POST", "/api/v1/sessions", body).is_success:
            self.gone.discard(who)

    def _eeg(self, who: str, chance: random.Random) -> str:
        del who
        fault = chance.choice(FAULTS)
        return f"sim:seed={chance.randrange(9)}" + (f",faults={fault}" if fault else "")

    def _wait(self, who: str) -> None:
        answer = self.it.http.get(f"/api/v1/sessions/s-{who}")
        if answer.is_success and status(answer.json())["state"] == "running":
            n = self.it.predicted(f"s-{who}")
            eventually(
                lambda: self.it.predicted(f"s-{who}") > n or self.it.state(f"s-{who}") != "running"
            )

    def _mark(self, who: str, chance: random.Random) -> None:
        text = f"m-{chance.getrandbits(64):x}"
        answer = self._ask("POST", f"/api/v1/sessions/s-{who}/markers", {"text": text})
        if answer.is_success and answer.json()["kept"]:
            self.markers.append((who, text))

    def _enter(self, who: str) -> None:
        answer = self._ask("POST", "/api/v1/participants", {"id": who}, noted="participant entered")
        if answer.is_success:
            self.gone.discard(who)

    def _consent(self, who: str) -> None:
        body = {"notice": "notice/1", "recorded_by": "tester"}
        path = f"/api/v1/participants/{who}/consent"
        self._ask("POST", path, body, noted="consent recorded")

    def _erase(self, who: str) -> None:
        self._ask("POST", f"/api/v1/sessions/s-{who}/stop")
        path = f"/api/v1/participants/{who}"
        if self._ask("DELETE", path, noted="participant erased").is_success:
            self.gone.add(who)
            self.markers = [marker for marker in self.markers if marker[0] != who]

    def _kill(self) -> None:
        self.it.running.child.kill()
        self.it.running.child.wait()
        self.kills += 1
        self._stack.close()
        self._begin()
        interrupted = "SELECT count(*) FROM sessions WHERE ended_unix IS NULL"
        assert rows(self.folder, interrupted) == [(0,)]

    def _restart(self) -> None:
        self.it.leave()
        self._stack.close()
        self._begin()

    def _freeze(self, chance: random.Random) -> None:
        """The whole process stands still for a moment, as a suspended computer does."""
        self.it.running.child.send_signal(signal.SIGSTOP)
        try:
            signal.sigtimedwait([], chance.uniform(0.1, 1.0))
        finally:
            self.it.running.child.send_signal(signal.SIGCONT)

    def _ask(
        self, method: str, path: str, body: object = None, *, noted: str = ""
    ) -> httpx.Response:
        answer = self.it.http.request(method, path, json=body)
        assert answer.status_code < 500, (method, path, answer.text)
        if noted and answer.is_success:
            self.acknowledged[noted] += 1
        return answer

    # What must hold

    def _require_all(self) -> None:
        assert self.it.http.get("/healthz").status_code == 200
        shown = self.it.http.get("/api/v1/sessions").json()["sessions"]
        for session in shown:
            self._require_kept(str(session["id"]))
        self._require_noted()
        for who in self.gone:
            self._require_gone(who)
        kept = [unpacked(str(text)) for (text,) in rows(self.folder, MARKERS)]
        for _, text in self.markers:
            assert any(text in each for each in kept), text
        self._require_whole_profiles()

    def _require_kept(self, session_id: str) -> None:
        """The database has what REST says, from the first frame on, without a hole."""
        answer = self.it.http.get(f"/api/v1/sessions/{session_id}/predictions?limit=1000")
        if answer.status_code == 404:  # erased meanwhile
            return
        page = answer.json()
        query = "SELECT seq, kind, text FROM frames WHERE session_id = ? AND epoch = ? ORDER BY seq"
        kept = rows(self.folder, query, session_id, page["epoch"])
        assert [seq for seq, _, _ in kept] == list(range(1, len(kept) + 1))
        texts = {seq: unpacked(str(text)) for seq, kind, text in kept if kind == "prediction"}
        for frame in page["predictions"]:
            text = texts.get(frame["seq"])
            if text is not None:  # else it was said in the last moment
                assert httpx.Response(200, text=text).json() == frame
        if self.it.state(session_id) in ("stopped", "failed"):
            last = self.it.session(session_id)["last_seq"]
            eventually(lambda: len(rows(self.folder, query, session_id, page["epoch"])) == last)

    def _require_noted(self) -> None:
        """Everything acknowledged is in the trail, that of the erased too."""
        query = "SELECT action, count(*) FROM audit GROUP BY action"
        noted = {str(action): n for action, n in rows(self.folder, query)}
        for action, n in self.acknowledged.items():
            assert int(str(noted.get(action, 0))) >= n, (action, n, noted)

    def _require_gone(self, who: str) -> None:
        for table, column in (("sessions", "participant"), ("participants", "id")):
            query = f"SELECT count(*) FROM {table} WHERE {column} = ?"
            assert rows(self.folder, query, who) == [(0,)], (table, who)
        assert who not in ProfileStore(self.folder / "data" / PROFILES).participants()
        assert not list((self.folder / "recordings").rglob(f"sub-{who}_*"))

    def _require_whole_profiles(self) -> None:
        store = ProfileStore(self.folder / "data" / PROFILES)
        for who in store.participants():
            for version in store.history(who).versions:
                store.load(who, version, bundle=demo())
