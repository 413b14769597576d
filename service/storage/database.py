"""The engine below: SQLite beside the data, or a PostgreSQL server by its URL."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from hadua.service.storage.errors import StorageError
from hadua.service.storage.tables import make_tables

HEAD = "0004"
"""The newest migration; a test compares it with the files."""
BUSY_MS = 5000
FILE_NAME = "hadua.sqlite3"

T = TypeVar("T")

_PRAGMAS = (
    f"PRAGMA busy_timeout={BUSY_MS}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",  # what is deleted is overwritten, not only forgotten
)


class Database:
    """One database, migrated; connections are made where they are needed.

    Args:
        url: As SQLAlchemy takes it; see `sqlite_url` for a file.
    """

    def __init__(self, url: str) -> None:
        try:
            self._engine = _engine(url)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise StorageError(
                "database URL",
                got=_redacted(url),
                expected="postgresql+psycopg://USER:PASSWORD@HOST/NAME, or nothing for a file",
                hint=f"{error} PostgreSQL needs: pip install 'hadua[postgres]'.",
            ) from error
        self.name = _redacted(url)
        try:
            self._migrate()
        except BaseException:
            self._engine.dispose()
            raise

    @property
    def is_file(self) -> bool:
        """Whether it is a file of ours, which can be copied and compacted."""
        return self._engine.dialect.name == "sqlite"

    def connect(self) -> Connection:
        """A connection of one's own, for one thread.

        Raises:
            StorageError: the database does not answer.
        """
        try:
            return self._engine.connect()
        except SQLAlchemyError as error:
            raise self.failed("cannot be opened", error) from error

    def read(self, query: Callable[[Connection], T]) -> T:
        """The answer to a query that changes nothing.

        Raises:
            StorageError: it could not be answered.
        """
        try:
            with self._engine.connect() as connection:
                return query(connection)
        except SQLAlchemyError as error:
            raise self.failed("cannot be read", error) from error

    def failed(self, what: str, error: SQLAlchemyError) -> StorageError:
        """One of the engine's errors in our words, without the rows that it was about."""
        cause = str(getattr(error, "orig", None) or error).splitlines()[0]
        return StorageError(
            f"database {self.name!r} {what}",
            got=cause,
            hint="Is the disk full or read-only, or does another program hold the database?",
        )

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()

    def _migrate(self) -> None:
        with self.connect() as connection:
            found = _revision(connection)
            if found == HEAD:
                return
            if found is not None and found > HEAD:
                raise StorageError(
                    f"database {self.name!r} is of a newer hadua",
                    got=f"version {found}",
                    expected=f"{HEAD} or older",
                    hint="Install the newer hadua, or restore a back-up of before.",
                )
            try:
                if self.is_file:  # all of it or nothing, whatever is killed, and by one process
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                if _revision(connection) != HEAD:
                    self._make_or_upgrade(connection)
                connection.commit()
            except SQLAlchemyError as error:
                raise self.failed("cannot be migrated", error) from error

    def _make_or_upgrade(self, connection: Connection) -> None:
        if self.is_file and not inspect(connection).get_table_names():
            make_tables(connection, version=HEAD)
        else:
            upgrade(connection)


def sqlite_url(folder: Path) -> str:
    """The database of a data folder, which is made.

    Raises:
        StorageError: the folder cannot be.
    """
    make_folder(folder)
    return f"sqlite:///{folder / FILE_NAME}"


def make_folder(folder: Path) -> None:
    """Make a data folder where there is none.

    Raises:
        StorageError: it cannot be.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"data folder {str(folder)!r}",
            got=str(error.strerror or error),
            expected="a folder that can be written",
            hint="Choose another with --data-dir.",
        ) from error


def _engine(url: str) -> Engine:
    engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
    return engine


def _set_pragmas(connection: object, entry: ConnectionPoolEntry) -> None:
    del connection
    cursor = entry.dbapi_connection.cursor() if entry.dbapi_connection else None
    if cursor is not None:
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        cursor.close()


def _revision(connection: Connection) -> str | None:
    """The migration that the database is at; None for an empty one."""
    try:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error)
        raise StorageError(
            "database cannot be read",
            got=cause.splitlines()[0],
            expected="a database of hadua",
            hint="Restore a back-up, or move the file away to begin anew.",
        ) from error


def upgrade(connection: Connection) -> None:
    """Apply all migrations that a database has not seen.

    Alembic is imported only here: eight megabytes that a new file, or one of today, does without.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "hadua.service.storage:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _redacted(url: str) -> str:
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "something that is no URL"
