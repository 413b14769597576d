"""Where nothing has to be kept, and data folders that are ready at once."""

import shutil
import tempfile
from concurrent.futures import Future
from functools import cache
from pathlib import Path

from hadua.service.journal import Published
from hadua.service.storage.database import FILE_NAME
from hadua.service.storage.records import SessionRecord
from hadua.service.storage.storage import Storage


class Forgetful:
    """Keeps sessions as long as the test holds it."""

    def __init__(self, *, last_epoch: int = 0) -> None:
        self.last_epoch = last_epoch
        self.records: list[SessionRecord] = []
        self.items: list[Published] = []
        self.ends: list[tuple[str, int, str, str, int]] = []

    def began(self, record: SessionRecord) -> Future[None]:
        self.records.append(record)
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def append(self, item: Published) -> None:
        self.items.append(item)

    def ended(self, session_id: str, epoch: int, *, state: str, reason: str, last_seq: int) -> None:
        self.ends.append((session_id, epoch, state, reason, last_seq))


@cache
def _template() -> Path:
    """A migrated, empty database: migrating takes longer than most tests."""
    folder = Path(tempfile.mkdtemp(prefix="hadua-template-"))
    Storage.open(folder, unix_clock=lambda: 0.0).close()
    return folder / FILE_NAME


def new_data_folder(folder: Path) -> Path:
    """A data folder with an empty database."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_template(), folder / FILE_NAME)
    return folder
