"""A PostgreSQL server of a test's own, on a free port of the loopback."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_DEBIAN = "/usr/lib/postgresql/*/bin"


def find_postgres() -> Path | None:
    """The folder of `initdb` and `postgres`, or None."""
    debian = sorted(Path("/").glob(_DEBIAN.lstrip("/")), reverse=True)
    on_path = shutil.which("initdb")
    places = [*debian, *([Path(on_path).parent] if on_path else [])]
    return next((p for p in places if (p / "initdb").exists() and (p / "postgres").exists()), None)


class PostgresServer:
    """Runs while the block does. It refuses to run as root, so root becomes `nobody` for it."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="hadua-postgres-"))
        self._data = self._folder / "data"
        self._databases = 0
        self._user = "nobody" if os.getuid() == 0 else None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]

    def __enter__(self) -> Self:
        if self._user:
            user = pwd.getpwnam(self._user)
            os.chown(self._folder, user.pw_uid, user.pw_gid)
        self._run("initdb", "-D", str(self._data), "-U", "hadua", "-A", "trust", "--no-sync")
        self._process = subprocess.Popen(
            self._command("postgres", "-D", str(self._data), "-p", str(self.port), *_OPTIONS),
            user=self._user,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait(20.0)
        shutil.rmtree(self._folder)

    def new_database(self) -> str:
        """The URL of an empty database."""
        import psycopg

        self._databases += 1
        name = f"hadua{self._databases}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self._address(name).replace("postgresql://", "postgresql+psycopg://")

    def _address(self, database: str) -> str:
        return f"postgresql://hadua@127.0.0.1:{self.port}/{database}"

    def _wait(self) -> None:
        import psycopg

        until_s = time.monotonic() + 60.0
        while time.monotonic() < until_s and self._process.poll() is None:
            try:
                psycopg.connect(self._address("postgres")).close()
            except psycopg.OperationalError:
                time.sleep(0.1)
            else:
                return
        raise OSError("it does not answer")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            self._command(program, *arguments),
            user=self._user,
            cwd=self._folder,
            check=True,
            timeout=60.0,
            capture_output=True,
        )

    def _command(self, program: str, *arguments: str) -> list[str]:
        return [str(self._programs / program), *arguments]


_OPTIONS = ("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off")
