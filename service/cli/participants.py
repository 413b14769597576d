"""`hadua participants`: who they are, what they agreed to, their profiles, and erasure."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from hadua.models.errors import ProfileError, UsageError
from hadua.service.cli.stored import DATA_DIR, Database, DataDir, stored

if TYPE_CHECKING:
    from hadua.calibration.store import ProfileStore
    from hadua.service.person_data import PersonData
    from hadua.service.storage.storage import Storage

app = typer.Typer(
    help="Participants: consent, profiles, export, erasure.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Id = Annotated[str, typer.Argument(metavar="ID", help="Pseudonym.")]
BundlePath = Annotated[
    Path | None, typer.Option(envvar="HADUA_BUNDLE", help="Bundle that serves [demo bundle].")
]
_COMMAND = "hadua participants"


@app.command("list")
def show_all(
    data_dir: DataDir = DATA_DIR,
    database: Database = None,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List participants: consent, sessions, and which profile serves."""
    with stored(_COMMAND, data_dir, database) as storage:
        store = _profiles(data_dir)
        known = {p.id: p for p in storage.participants(limit=10**6)}
        rows = [
            {
                "id": name,
                "consent": name in known and known[name].consented,
                "sessions": known[name].sessions if name in known else 0,
                "profile": _serving(store, name) if name in store.participants() else 0,
            }
            for name in sorted({*known, *store.participants()})
        ]
    if json:
        typer.echo(msgspec.json.encode(rows).decode())
        return
    for row in rows:
        consent = "consent" if row["consent"] else "no consent"
        profile = "damaged" if row["profile"] is None else row["profile"]
        typer.echo(f"{row['id']:24} {consent:12} {row['sessions']:4} sessions   profile {profile}")
    if not rows:
        typer.echo("No participant is entered.", err=True)


@app.command()
def show(
    participant: Id,
    data_dir: DataDir = DATA_DIR,
    database: Database = None,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show one: consents, sessions, versions of the profile and what happened to them."""
    with stored(_COMMAND, data_dir, database) as storage:
        store = _profiles(data_dir)
        facts = {
            "participant": storage.participant(participant),
            "sessions": storage.sessions(participant=participant, limit=20),
            "profile": _profile_facts(store, participant),
        }
    text = msgspec.json.encode(facts)
    typer.echo(text.decode() if json else msgspec.json.format(text).decode())


@app.command()
def enter(participant: Id, data_dir: DataDir = DATA_DIR, database: Database = None) -> None:
    """Enter a participant by a pseudonym."""
    from hadua.calibration.participant_id import require_participant

    with stored(_COMMAND, data_dir, database, begin=True) as storage:
        require_participant(participant)
        storage.enter(participant)
    typer.echo(f"{participant} is entered {_where(data_dir, database)}.")


@app.command()
def consent(
    participant: Id,
    notice: Annotated[str, typer.Option(help="The notice that was shown, and its version.")],
    recorded_by: Annotated[str, typer.Option("--by", help="Who says so.")],
    data_dir: DataDir = DATA_DIR,
    database: Database = None,
) -> None:
    """Record that a participant has agreed; enters them if they are not yet."""
    from hadua.calibration.participant_id import require_participant

    with stored(_COMMAND, data_dir, database, begin=True) as storage:
        require_participant(participant)
        storage.ensure(participant)
        storage.consent(participant, notice=notice, recorded_by=recorded_by)
    typer.echo(f"The consent of {participant} is on record {_where(data_dir, database)}.")


@app.command()
def withdraw(participant: Id, data_dir: DataDir = DATA_DIR, database: Database = None) -> None:
    """Record that a participant takes their consent back: what runs of theirs is stopped."""
    with stored(_COMMAND, data_dir, database) as storage:
        storage.withdraw(participant)
    typer.echo(f"The consent of {participant} is withdrawn {_where(data_dir, database)}.")


@app.command()
def export(
    participant: Id,
    out: Annotated[Path, typer.Argument(help="Archive (zip) to write.")],
    data_dir: DataDir = DATA_DIR,
    database: Database = None,
    recordings: Annotated[Path | None, typer.Option(help="A further folder of recordings.")] = None,
) -> None:
    """Write everything that is kept of a participant into one archive."""
    with _person_data(data_dir, database, recordings) as (people, _):
        if out.exists():
            raise UsageError(f"{str(out)!r} is there already", hint="Choose another name.")
        shutil.move(people.export(participant), out)


@app.command()
def erase(
    participant: Id,
    data_dir: DataDir = DATA_DIR,
    database: Database = None,
    recordings: Annotated[Path | None, typer.Option(help="A further folder of recordings.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase everything that is kept of a participant, and say what that was."""
    with _person_data(data_dir, database, recordings) as (people, storage):
        running = [s for s in storage.sessions(participant=participant) if s.ended_unix is None]
        if running:
            raise UsageError(
                f"participant {participant!r} cannot be erased",
                got=f"session {running[0].id!r} is running, or the service was killed in it",
                hint="Stop it; after a kill, start and stop the service once.",
            )
        people.require_any(participant)
        if not yes:
            question = f"Erase everything of {participant!r}? It cannot be brought back"
            typer.confirm(question, abort=True)
        gone = people.erase(participant)
    typer.echo(
        f"Erased: {gone.sessions} sessions with {gone.frames} frames, {gone.consents} consents, "
        f"{gone.profiles} profiles, {gone.recordings} recordings."
    )
    for folder in gone.out_of_reach:
        typer.echo(f"Not there, so not looked into: {folder}. Once it is, erase again.", err=True)


@app.command("export-profiles")
def export_profiles(
    participant: Id,
    out: Annotated[Path, typer.Argument(help="Archive (zip) to write.")],
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Write the versions of a participant's profile into one archive, for another machine."""
    from hadua.calibration.archive import export_participant
    from hadua.service.atomic_file import write_whole

    with stored(_COMMAND, data_dir, None):
        write_whole(out, export_participant(_profiles(data_dir), participant))


@app.command("import-profiles")
def import_profiles(
    archive: Annotated[Path, typer.Argument(help="What export-profiles has written.")],
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Take over a participant's profiles from another machine."""
    from hadua.calibration.archive import import_participant

    with stored(_COMMAND, data_dir, None):
        name = import_participant(_profiles(data_dir), archive, at_unix=time.time())
    typer.echo(name)


@app.command("roll-back")
def roll_back(
    participant: Id,
    to: Annotated[int | None, typer.Option(help="Version; 0 is the bundle [last good].")] = None,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "asked for",
    bundle: BundlePath = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Let an older version of a participant's profile serve from the next session on."""
    from hadua.models.bundle import demo_bundle_path, load_bundle

    with stored(_COMMAND, data_dir, None):
        now = _profiles(data_dir).roll_back(
            participant,
            bundle=load_bundle(bundle or demo_bundle_path()),
            at_unix=time.time(),
            reason=reason,
            version=to,
        )
    typer.echo(f"version {now} serves")


def _where(data_dir: Path, database: str | None) -> str:
    return f"in {str(data_dir.resolve())!r}" if database is None else "in the database"


def _profiles(data_dir: Path) -> "ProfileStore":
    from hadua.calibration.store import ProfileStore
    from hadua.service.person_data import PROFILES

    return ProfileStore(data_dir / PROFILES)


def _serving(store: "ProfileStore", participant: str) -> int | None:
    """The version that serves; None where damage hides it, which `show` describes."""
    try:
        return store.active_version(participant)
    except ProfileError:
        return None


def _profile_facts(store: "ProfileStore", participant: str) -> dict[str, object] | None:
    if participant not in store.participants():
        return None
    history = store.history(participant)
    return {
        "active": history.active,
        "last_good": history.good,
        "versions": sorted(history.versions),
        "damaged": {str(version): why for version, why in history.damaged.items()},
        "events": [event.model_dump(mode="json") for event in history.events],
    }


@contextmanager
def _person_data(
    data_dir: Path, database: str | None, recordings: Path | None
) -> "Iterator[tuple[PersonData, Storage]]":
    from hadua.service.person_data import PersonData
    from hadua.service.recorded_files import RecordedFiles

    with stored(_COMMAND, data_dir, database) as storage:
        yield (
            PersonData(
                storage,
                _profiles(data_dir),
                recordings=RecordedFiles(data_dir, *filter(None, [recordings])),
                scratch=data_dir / "exports",
            ),
            storage,
        )
