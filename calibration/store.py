"""Profiles on disk: whole or not at all, with their ancestors, and gone when they are deleted.

    ROOT/ID/active.json            which version serves
    ROOT/ID/ledger.jsonl           what happened, and why
    ROOT/ID/versions/000003/       profile.json, profile.safetensors, model.onnx

A version is written beside, synced, and renamed into its place; only then does the pointer move.
A kill at any moment leaves the version that served before, or the new one. One process writes at a
time; any number may read.
"""

from pathlib import Path

from hadua.calibration.durable import Disk, OnStep
from hadua.calibration.history import History, read_history
from hadua.calibration.ledger import Event, EventName, Pointer, note, read_pointer, write_pointer
from hadua.calibration.participant_id import require_participant
from hadua.calibration.profile import AS_SHIPPED, Profile
from hadua.calibration.versions import Versions
from hadua.models.bundle import Bundle
from hadua.models.errors import InvalidInputError, ProfileError

KEEP_VERSIONS = 20
VERSIONS = "versions"


class ProfileStore:
    """The profiles of all participants, in one folder.

    Args:
        root: The folder; it is made when something is saved.
        keep: Most versions kept of each participant; 3 at least.
        on_step: Told of each step of a change before it is taken.
    """

    def __init__(
        self, root: Path, *, keep: int = KEEP_VERSIONS, on_step: OnStep = lambda step: None
    ) -> None:
        if keep < 3:
            raise InvalidInputError(
                "versions to keep", got=str(keep), expected="3 or more: active, last good, newest"
            )
        self.root, self.disk, self._keep = root, Disk(on_step), keep

    def recover(self) -> list[str]:
        """Remove what killed changes have left behind; what that was, for the log."""
        swept = self.disk.sweep(self.root)
        for participant in self.participants():
            folder = self.root / participant
            for place in (folder, folder / VERSIONS):
                swept += [f"{participant}/{name}" for name in self.disk.sweep(place)]
        return swept

    def participants(self) -> list[str]:
        """Those of whom there is anything."""
        if not self.root.is_dir():
            return []
        return sorted(
            p.name for p in self.root.iterdir() if p.is_dir() and not p.name.startswith(".")
        )

    def folder(self, participant: str) -> Path:
        """Where everything of a participant lies, and whatever else is to go with it.

        Raises:
            InvalidInputError: an id that cannot be a folder's name.
            ProfileError: one that differs from another's only in upper and lower case.
        """
        require_participant(participant)
        twins = [p for p in self.participants() if p.lower() == participant.lower()]
        if twins and participant not in twins:
            raise ProfileError(
                f"participant {participant!r}",
                got=f"a participant {twins[0]!r} already",
                expected="ids that differ in more than upper and lower case",
            )
        return self.root / participant

    def history(self, participant: str) -> History:
        """Everything known of a participant's profiles.

        Raises:
            ProfileError: nobody of that id.
        """
        return read_history(self._existing(participant), self._versions(participant))

    def next_version(self, participant: str) -> int:
        """The number that the next profile must have; none is ever used twice."""
        highest = read_pointer(self.folder(participant)).highest
        return max([highest, *self._versions(participant).numbers()]) + 1

    def active_version(self, participant: str) -> int:
        """The version in force; 0 for the bundle as shipped."""
        return read_pointer(self.folder(participant)).active

    def load(self, participant: str, version: int, *, bundle: Bundle) -> Profile:
        """Read one version.

        Raises:
            ProfileError: not there, damaged, or of another bundle or participant.
        """
        profile = self._versions(participant).load(version)
        profile.require(bundle, participant=participant)
        return profile

    def load_active(self, participant: str, *, bundle: Bundle) -> Profile | None:
        """The profile in force, or None for the bundle as shipped; raises as `load` does."""
        version = self.active_version(participant)
        return None if version == AS_SHIPPED else self.load(participant, version, bundle=bundle)

    def save(self, profile: Profile, *, at_unix: float, reason: str = "") -> None:
        """Write a version; it does not serve until it is activated.

        Args:
            profile: Its version must be `next_version`.
            at_unix: Now, for the ledger.
            reason: Likewise.

        Raises:
            ProfileError: another version.
        """
        expected = self.next_version(profile.participant)
        if profile.version != expected:
            raise ProfileError(
                f"profile of {profile.participant!r} to save",
                got=f"version {profile.version}",
                expected=f"version {expected}",
            )
        self._versions(profile.participant).write(profile)
        self._note(profile.participant, "saved", profile.version, at_unix, reason)

    def activate(
        self,
        participant: str,
        version: int,
        *,
        bundle: Bundle,
        at_unix: float,
        reason: str = "",
        good: int | None = None,
    ) -> None:
        """Let a version serve, once all of it has been read.

        Args:
            participant: Whose.
            version: Which.
            bundle: The bundle that serves.
            at_unix: Now, for the ledger.
            reason: Why, for the ledger.
            good: Where a roll-back goes from now on; None for the version that served until now.

        Raises:
            ProfileError: as `load`; what served before still does.
        """
        self._point(participant, version, bundle, good=good)
        self._note(participant, "activated", version, at_unix, reason)
        self._prune(participant)

    def roll_back(
        self,
        participant: str,
        *,
        bundle: Bundle,
        at_unix: float,
        reason: str,
        version: int | None = None,
    ) -> int:
        """Let an older version serve again; 0 is the bundle as shipped.

        Args:
            participant: Whose.
            bundle: The bundle that serves.
            at_unix: Now, for the ledger.
            reason: Why, for the ledger.
            version: Which; None for the last good one.

        Returns:
            The version that serves now.

        Raises:
            ProfileError: as `load`; what served before still does.
        """
        self._existing(participant)
        to = self._pointer(participant).good if version is None else version
        self._point(participant, to, bundle, good=to)
        self._note(participant, "rolled back", to, at_unix, reason)
        return to

    def discard(self, participant: str, version: int, *, at_unix: float, reason: str) -> None:
        """Remove a version that was not accepted.

        Raises:
            ProfileError: not there, or in force.
        """
        folder, pointer = self._existing(participant), self._pointer(participant)
        versions = self._versions(participant)
        versions.require(version)
        if version == pointer.active:
            raise ProfileError(
                f"profile {version} of {participant!r} to discard",
                got="the version that serves",
                hint="Roll back to another one first.",
            )
        changed = {"highest": max(pointer.highest, *versions.numbers())}
        if pointer.good == version:
            changed["good"] = AS_SHIPPED
        write_pointer(folder, pointer.model_copy(update=changed), self.disk)
        versions.remove(version)
        self._note(participant, "discarded", version, at_unix, reason)

    def delete(self, participant: str) -> int:
        """Remove everything of a participant, at once by name and then file by file.

        Returns:
            How many versions that were, damaged ones too.

        Raises:
            ProfileError: nobody of that id.
        """
        folder, n = self._existing(participant), len(self._versions(participant).numbers())
        self.disk.remove(folder)
        return n

    def adopt(self, folder: Path, participant: str, *, at_unix: float, reason: str) -> None:
        """Take over a folder like this one's own, checked by the caller.

        Raises:
            ProfileError: the participant is here already.
        """
        target = self.folder(participant)
        if target.exists():
            raise ProfileError(
                f"participant {participant!r} is here already",
                hint="Delete or export that one first; two histories are never merged.",
            )
        self.disk.rename(folder, target)
        active = self.active_version(participant)
        self._note(participant, "imported", active, at_unix, reason)

    def _point(self, participant: str, version: int, bundle: Bundle, *, good: int | None) -> None:
        folder = self._existing(participant)
        if version != AS_SHIPPED:
            self.load(participant, version, bundle=bundle)
        old = self._pointer(participant)
        if good is None:
            good = old.active if self._serves(participant, old.active, bundle) else AS_SHIPPED
        highest = max([old.highest, *self._versions(participant).numbers()])
        write_pointer(folder, Pointer(active=version, good=good, highest=highest), self.disk)

    def _serves(self, participant: str, version: int, bundle: Bundle) -> bool:
        try:
            self.load(participant, version, bundle=bundle)
        except ProfileError:
            return False
        return True

    def _pointer(self, participant: str) -> Pointer:
        try:
            return read_pointer(self.root / participant)
        except ProfileError:  # pointing anew is the way out of a pointer that cannot be read
            return Pointer()

    def _prune(self, participant: str) -> None:
        """Keep the active version, the last good one, then ancestors of both, then the newest."""
        versions, pointer = self._versions(participant), self._pointer(participant)
        there = versions.numbers()
        wanted = [
            pointer.active,
            pointer.good,
            *versions.ancestors(pointer.active),
            *versions.ancestors(pointer.good),
            *reversed(there),
        ]
        kept = list(dict.fromkeys(v for v in wanted if v in there))[: self._keep]
        for version in there:
            if version not in kept:
                versions.remove(version)

    def _versions(self, participant: str) -> Versions:
        return Versions(self.folder(participant) / VERSIONS, participant, self.disk)

    def _existing(self, participant: str) -> Path:
        folder = self.folder(participant)
        if not folder.is_dir():
            raise ProfileError(
                f"participant {participant!r} is not here",
                expected=f"a folder of that name in {str(self.root)!r}",
            )
        return folder

    def _note(
        self, participant: str, event: EventName, version: int, at_unix: float, reason: str
    ) -> None:
        line = Event(at_unix=at_unix, event=event, version=version, reason=reason)
        note(self.root / participant, line, self.disk)
