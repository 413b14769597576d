"""What a service has acknowledged, and whether it is still there after a kill."""

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx

from hadua.calibration.store import ProfileStore
from hadua.models.bundle import Bundle, demo_bundle_path, load_bundle
from hadua.service.person_data import PROFILES
from hadua.service.storage.database import FILE_NAME
from hadua.service.storage.packing import unpacked

Place = tuple[str, int, int]
"""Session, epoch, seq."""


@dataclass(frozen=True, slots=True)
class Said:
    """A frame, by its place and what it says."""

    place: Place
    digest: str

    @classmethod
    def of(cls, session_id: str, epoch: int, seq: int, text: str | bytes) -> Self:
        """Of its text."""
        raw = text.encode() if isinstance(text, str) else text
        return cls((session_id, epoch, seq), hashlib.sha256(raw).hexdigest())


class Acknowledged:
    """A client's memory.

    Args:
        folder: The service's data folder, looked into beside it, read-only.
        person: Whose profiles are looked at.
    """

    def __init__(self, folder: Path, person: str) -> None:
        self._folder, self._person = folder, person
        self._markers: set[tuple[str, str]] = set()
        self._labels: set[tuple[str, str, float, float]] = set()
        self._people: set[str] = set()
        self._consented: set[str] = set()
        self._actions: set[tuple[str, str]] = set()
        self._reasons: set[str] = set()
        self._newest_version = 0
        self._frames: dict[Place, str] = {}
        self._trail: set[tuple[int, str]] = set()

    def marker(self, session_id: str, text: str) -> None:
        """It was answered as kept."""
        self._markers.add((session_id, text))

    def label(self, session_id: str, name: str, from_s: float, until_s: float) -> None:
        """It was answered as kept."""
        self._labels.add((session_id, name, from_s, until_s))

    def participant(self, person: str) -> None:
        """They were entered."""
        self._people.add(person)

    def consent(self, person: str) -> None:
        """It was recorded."""
        self._consented.add(person)

    def action(self, action: str, about: str) -> None:
        """Something that the audit trail must have."""
        self._actions.add((action, about))

    def event(self, reason: str) -> None:
        """A roll-back, by its reason, that the profile's history must have."""
        self._reasons.add(reason)

    def profiles(self, history: Mapping[str, object]) -> None:
        """What REST said of the profiles."""
        versions = history["versions"]
        if isinstance(versions, list):
            numbers = (int(version["version"]) for version in versions)
            self._newest_version = max([self._newest_version, *numbers])

    def look_at_database(self) -> None:
        """Note what anybody can read there now: it is committed."""
        self._frames |= {said.place: said.digest for said in self._committed()}
        with self._database() as database:
            self._trail |= set(database.execute("SELECT n, action FROM audit"))

    def kept_frames(self) -> set[Place]:
        """Those that the database has."""
        return {said.place for said in self._committed()}

    def counts(self) -> dict[str, int]:
        """How much was acknowledged, by kind."""
        return {
            "frames": len(self._frames), "markers": len(self._markers),
            "labels": len(self._labels), "participants": len(self._people),
            "consents": len(self._consented), "actions": len(self._actions),
            "roll-backs": len(self._reasons), "trail": len(self._trail),
            "newest profile": self._newest_version,
        }  # fmt: skip

    def missing(self, http: httpx.Client) -> Iterator[str]:
        """Whatever is not there any more, in words."""
        now = {said.place: said.digest for said in self._committed()}
        for place, digest in self._frames.items():
            if now.get(place) != digest:
                yield f"frame {place} is {'other' if place in now else 'gone'}"
        yield from _holes(now)
        yield from self._unsaid()
        yield from self._unnoted(http)
        yield from self._unlearnt(http)

    def require_whole_profiles(self) -> int:
        """Load every version that is kept; how many. Raises where one is not whole."""
        store, bundle = ProfileStore(self._folder / PROFILES), _bundle()
        if self._person not in store.participants():
            return 0
        versions = store.history(self._person).versions
        for version in versions:
            store.load(self._person, version, bundle=bundle)
        return len(versions)

    def _unsaid(self) -> Iterator[str]:
        """Markers and labels that no frame has."""
        markers, labels = set(), set()
        with self._database() as database:
            query = "SELECT session_id, kind, text FROM frames WHERE kind IN (?, ?)"
            for session_id, kind, text in database.execute(query, ("marker", "calibration")):
                frame = json.loads(unpacked(text))
                last = frame.get("adaptation", {}).get("last_label")
                if kind == "marker":
                    markers.add((session_id, frame["text"]))
                elif last is not None:
                    labels.add((session_id, last["label"], last["from_s"], last["until_s"]))
        yield from (f"marker {marker}" for marker in self._markers - markers)
        yield from (f"label {label}" for label in self._labels - labels)

    def _unnoted(self, http: httpx.Client) -> Iterator[str]:
        """People, consents and what was done."""
        with self._database() as database:
            trail = list(database.execute("SELECT n, action, detail FROM audit"))
        yield from (
            f"row {row} of the trail"
            for row in self._trail - {(n, action) for n, action, _ in trail}
        )
        done = {(action, json.loads(detail).get("calibration")) for _, action, detail in trail}
        yield from (f"{action} in the trail" for action in self._actions - done)
        known = {p["id"]: p["consented"] for p in _participants(http)}
        yield from (f"participant {person}" for person in self._people - set(known))
        yield from (f"consent of {person}" for person in self._consented if not known.get(person))

    def _unlearnt(self, http: httpx.Client) -> Iterator[str]:
        """Profiles: the active one answers, none is damaged, none goes back in number."""
        answer = http.get(f"/api/v1/participants/{self._person}/profiles")
        if not answer.is_success:
            yield f"profiles: {answer.text}"
            return
        history = answer.json()
        newest = max((v["version"] for v in history["versions"]), default=0)
        if history["damaged"]:
            yield f"profiles damaged: {history['damaged']}"
        if newest < self._newest_version:
            yield f"profile {self._newest_version}: the newest is {newest}"
        store = ProfileStore(self._folder / PROFILES)
        if self._person in store.participants():
            store.load_active(self._person, bundle=_bundle())  # raises where it is not whole
            reasons = {event.reason for event in store.history(self._person).events}
            yield from (f"roll-back {reason}" for reason in self._reasons - reasons)

    def _committed(self) -> list[Said]:
        if not (self._folder / FILE_NAME).exists():
            return []
        with self._database() as database:
            rows = database.execute("SELECT session_id, epoch, seq, text FROM frames")
            return [
                Said.of(session, epoch, seq, unpacked(text)) for session, epoch, seq, text in rows
            ]

    def _database(self) -> "closing[sqlite3.Connection]":
        return closing(sqlite3.connect(f"file:{self._folder / FILE_NAME}?mode=ro", uri=True))


def _participants(http: httpx.Client) -> Iterator[dict[str, object]]:
    """All that REST tells of, page by page."""
    after: dict[str, str] = {}
    while True:
        page = http.get("/api/v1/participants", params={"limit": "1000", **after}).json()
        yield from page["participants"]
        if page["next"] is None:
            return
        after = {"after": page["next"]}


def _holes(frames: Mapping[Place, str]) -> Iterator[str]:
    """Lives whose kept frames are not 1, 2, 3, ..."""
    counts = Counter((session, epoch) for session, epoch, _ in frames)
    newest: dict[tuple[str, int], int] = {}
    for session, epoch, seq in frames:
        newest[session, epoch] = max(seq, newest.get((session, epoch), 0))
    yield from (f"a hole in {life}" for life, n in counts.items() if newest[life] != n)


def _bundle() -> Bundle:
    return load_bundle(demo_bundle_path())
