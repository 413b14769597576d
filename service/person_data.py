"""Everything that is kept of one person: to be handed to them, or to be gone.

It lies in three places: rows of the database, the profiles' folder, and recordings. Erasing takes
the files first and the rows last, so that a run that was cut off can be repeated.
"""

import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import msgspec

from hadua.calibration.archive import export_participant
from hadua.calibration.calibrating import FOLDER as CALIBRATION
from hadua.calibration.participant_id import require_participant
from hadua.calibration.store import ProfileStore
from hadua.service.recorded_files import RecordedFiles, remove
from hadua.service.storage.errors import ParticipantUnknownError
from hadua.service.storage.records import Erased, SessionRecord
from hadua.service.storage.shelf import OPERATOR
from hadua.service.storage.storage import Storage

NOTED_WITHIN_S = 30.0
PROFILES = "profiles"
_PAGE = 1000
_ABOUT = """\
Everything that HADUA keeps of one person.

participant.json   the pseudonym, and every consent that was recorded
audit.json         what was done that concerned this person, and by whom
sessions.json      every session
frames/            everything said in a session, a line each, as JSON: predictions, markers, states
profiles.zip       the part of the model that is this person's, if there is one
calibration/       windows of features of the latest calibration, and how it went
recordings/        raw signals (XDF), if any were recorded

A score of the model is no diagnosis, and no fact about what the person felt.
"""


class PersonData:
    """What is kept of people.

    Args:
        storage: The database.
        profiles: Their profiles.
        recordings: Those on the disk.
        scratch: Folder for archives on their way out.
    """

    def __init__(
        self, storage: Storage, profiles: ProfileStore, *, recordings: RecordedFiles, scratch: Path
    ) -> None:
        self._storage = storage
        self.profiles = profiles
        self._recordings = recordings
        self._scratch = scratch

    def require_any(self, participant: str) -> None:
        """Raise unless something is kept of this person. Blocks.

        Raises:
            ParticipantUnknownError: nothing is kept of anybody of that id.
            InvalidInputError: an id that cannot be.
        """
        require_participant(participant)
        if not (
            self._known(participant)
            or participant in self.profiles.participants()
            or self._recordings.of(participant)
        ):
            raise ParticipantUnknownError(f"nothing is kept of a participant {participant!r}")

    def erase(self, participant: str, *, actor: str = OPERATOR) -> Erased:
        """Remove everything, and say what that was. Blocks.

        Raises:
            ParticipantUnknownError: nothing is kept of anybody of that id.
            InvalidInputError: an id that cannot be.
        """
        self.require_any(participant)
        known = self._known(participant)
        has_profiles = participant in self.profiles.participants()
        files = self._recordings.of(participant)
        profiles = self.profiles.delete(participant) if has_profiles else 0
        recordings = sum(path.suffix == ".xdf" for _, path in files)
        for folder, path in files:
            remove(folder, path)
        gone = Erased(sessions=0, frames=0, consents=0)
        if known:
            gone = self._storage.erase(
                participant, actor=actor, profiles=profiles, recordings=recordings
            )
        else:  # files alone: it stands in the trail all the same
            removed = {"profiles": profiles, "recordings": recordings}
            self._storage.note("participant erased", actor=actor, **removed).result(NOTED_WITHIN_S)
        return replace(
            gone,
            profiles=profiles,
            recordings=recordings,
            files=len(files),
            out_of_reach=tuple(map(str, self._recordings.out_of_reach)),
        )

    def export(self, participant: str) -> Path:
        """An archive of everything, for the caller to send and then to remove. Blocks.

        Raises:
            ParticipantUnknownError: nobody of that id.
            ProfileError: a profile cannot be read; nothing is exported then.
        """
        require_participant(participant)
        found = self._storage.participant(participant)
        self._scratch.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._scratch, prefix=".export-", suffix=".zip")
        os.close(handle)
        path = Path(name)
        try:
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as out:
                out.writestr("README.txt", _ABOUT)
                out.writestr("participant.json", _json(asdict(found)))
                trail = self._storage.trail(participant=participant, limit=10**6)
                out.writestr("audit.json", _json([asdict(entry) for entry in trail]))
                self._write_sessions(out, participant)
                self._write_files(out, participant)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path

    def sweep(self) -> None:
        """Remove archives that a killed service has left behind."""
        for left in self._scratch.glob(".export-*.zip"):
            left.unlink(missing_ok=True)

    def _write_sessions(self, out: zipfile.ZipFile, participant: str) -> None:
        sessions = list(self._sessions(participant))
        out.writestr("sessions.json", _json([asdict(session) for session in sessions]))
        for session in sessions:
            with out.open(f"frames/{session.id}_{session.epoch}.jsonl", "w") as lines:
                for text in self._frames(session):
                    lines.write(text.encode() + b"\n")

    def _write_files(self, out: zipfile.ZipFile, participant: str) -> None:
        if participant in self.profiles.participants():
            out.writestr("profiles.zip", export_participant(self.profiles, participant))
            home = self.profiles.folder(participant)
            for path in sorted((home / CALIBRATION).rglob("*")):
                if path.is_file():
                    out.write(path, path.relative_to(home))
        taken: set[Path] = set()
        for n, (folder, path) in enumerate(self._recordings.of(participant)):
            name = Path("recordings") / path.relative_to(folder)
            if name in taken:  # of two folders
                name = Path("recordings") / str(n) / path.relative_to(folder)
            taken.add(name)
            out.write(path, name)

    def _sessions(self, participant: str) -> Iterator[SessionRecord]:
        before = None
        while page := self._storage.sessions(participant=participant, before=before, limit=_PAGE):
            yield from page
            before = page[-1].started_unix, page[-1].id

    def _frames(self, session: SessionRecord) -> Iterator[str]:
        seq = 0
        while page := self._storage.frames_after(session.id, session.epoch, seq=seq, limit=_PAGE):
            yield from (text for _, _, text in page)
            seq = page[-1][0]

    def _known(self, participant: str) -> bool:
        try:
            self._storage.participant(participant)
        except ParticipantUnknownError:
            return False
        return True


def _json(value: object) -> str:
    return json.dumps(msgspec.to_builtins(value), indent=1, ensure_ascii=False)
