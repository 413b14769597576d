"""A real `hadua-serve` process with everything that it keeps in one folder, asked over REST."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import httpx
import msgspec
from support.profiles import grow
from support.serving import SERVE, Process, process
from typer.testing import CliRunner

from hadua.calibration.store import ProfileStore
from hadua.models.bundle import Bundle, demo_bundle_path, load_bundle
from hadua.service.cli.main import build
from hadua.service.person_data import PROFILES
from hadua.service.storage.database import FILE_NAME
from hadua.service.verification import Verdict

PERSON = "P01"
WITHIN_S = 40.0  # of a machine that has other things to do
LEAST_BYTES = 4096  # of a recording that has begun
Json = dict[str, object]


@dataclass
class Booth:
    """The process; its log lies in the folder, too."""

    http: httpx.Client
    running: Process
    folder: Path

    @property
    def log(self) -> str:
        """What it has said so far."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    @property
    def pid(self) -> int:
        """Of the process."""
        return self.running.child.pid

    def session(self, session_id: str) -> Json:
        """As REST shows it."""
        answer = self.http.get(f"/api/v1/sessions/{session_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def begin(self, session_id: str, participant: str = PERSON) -> httpx.Response:
        """Start a simulated person's session."""
        body = {"id": session_id, "eeg": "sim:", "gaze": "sim:", "participant": participant}
        return self.http.post("/api/v1/sessions", json=body)

    def predicts(self, session_id: str, *, more: int = 2) -> None:
        """Wait until it has given so many more."""
        n = self.predicted(session_id)
        eventually(lambda: self.predicted(session_id) >= n + more)

    def predicted(self, session_id: str) -> int:
        """How many it has given."""
        return int(str(status(self.session(session_id))["predictions"]))

    def state(self, session_id: str) -> str:
        """The session's."""
        return str(status(self.session(session_id))["state"])

    def enter(self, participant: str) -> httpx.Response:
        """Enter somebody."""
        return self.http.post("/api/v1/participants", json={"id": participant})

    def leave(self) -> None:
        """Ask the process to end, which it does in good order."""
        self.running.child.terminate()
        assert self.running.child.wait(WITHIN_S) == 0, self.log


def status(shown: Json) -> Json:
    """The status frame in what REST shows of a session."""
    found = shown["status"]
    assert isinstance(found, dict)
    return found


def eventually(condition: Callable[[], object]) -> None:
    """Wait until that is so."""
    until_s = monotonic() + WITHIN_S
    while not condition():
        assert monotonic() < until_s
        sleep(0.05)


@contextmanager
def booth(
    folder: Path,
    *,
    settings: str = "",
    versions: int = 0,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Booth]:
    """A service that records, until the block is left.

    Args:
        folder: There; for everything.
        settings: Lines of TOML.
        versions: Profiles that the person has, at least.
        environment: Variables besides those of this process.
    """
    if versions and not (folder / "data" / PROFILES).exists():
        grow(ProfileStore(folder / "data" / PROFILES), demo(), versions=versions)
    config = folder / "hadua.toml"
    config.write_text(f"require_consent = false\n{settings}\n", encoding="utf-8")
    kept = ("--data-dir", str(folder / "data"), "--record", str(folder / "recordings"))
    serve = (*SERVE, "--port", "0", "--config", str(config), *kept)
    logged = ["sh", "-c", 'exec "$@" 2>>"$0"', str(folder / "log"), *serve]
    with process(logged, environment=environment) as running:
        line = running.line()
        assert line.startswith("hadua is ready: "), (line, (folder / "log").read_text())
        with httpx.Client(base_url=line.rpartition(" ")[2], timeout=WITHIN_S) as http:
            yield Booth(http, running, folder)


def demo() -> Bundle:
    """The bundle that it serves."""
    return load_bundle(demo_bundle_path())


def rows(folder: Path, query: str, *arguments: object) -> list[tuple[object, ...]]:
    """What anybody can read in its database."""
    with closing(sqlite3.connect(folder / "data" / FILE_NAME, timeout=WITHIN_S)) as database:
        return list(database.execute(query, arguments))


def require_nothing_damaged(folder: Path) -> None:
    """The database is whole, no session has a hole, profiles load, recordings verify."""
    assert rows(folder, "PRAGMA integrity_check") == [("ok",)]
    for session_id, epoch in rows(folder, "SELECT id, epoch FROM sessions"):
        query = "SELECT seq FROM frames WHERE session_id = ? AND epoch = ? ORDER BY seq"
        seqs = [seq for (seq,) in rows(folder, query, session_id, epoch)]
        assert seqs == list(range(1, len(seqs) + 1)), (session_id, epoch)
    store = ProfileStore(folder / "data" / PROFILES)
    for participant in store.participants():
        for version in store.history(participant).versions:
            store.load(participant, version, bundle=demo())
    for path in sorted((folder / "recordings").rglob("*.xdf")):
        if path.stat().st_size > LEAST_BYTES:
            require_verified(path)


def require_verified(path: Path) -> None:
    """A recording is whole up to its end, or its cut."""
    told = CliRunner().invoke(build(["verify"]), ["verify", "--json", str(path)])
    if not told.stdout and "there are no predictions" in told.output:  # it was cut that early
        return
    assert told.stdout, (path, told.output)
    found = msgspec.json.decode(told.stdout, type=Verdict)
    assert found.identical or not (found.recorded or found.differing), (path, found)
