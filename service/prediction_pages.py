"""Pages of predictions: from memory while a session is known, from the database after that.

Both are as `PredictionPage` says, of frames that are encoded already.
"""

import msgspec

from hadua.service.session import Session
from hadua.service.storage.storage import Storage

Page = dict[str, object]


def live_page(session: Session, after_seq: int, *, limit: int) -> Page:
    """Predictions of a session that the service knows."""
    journal = session.publisher.journal
    wanted = [item for item in journal.after(after_seq) if item.kind == "prediction"]
    mine = wanted[:limit]
    seen = mine[-1].seq if len(mine) < len(wanted) else journal.last_seq
    texts = [item.text for item in mine]
    return _page(session.id, session.epoch, first=journal.first_seq, seen=seen, texts=texts)


def stored_page(
    storage: Storage, session_id: str, after_seq: int, *, epoch: int | None, limit: int
) -> Page | None:
    """Predictions of the newest life of a session; None if it is not kept. Blocks.

    An `after_seq` of another epoch counts as 0.

    Raises:
        StorageError: the database does not answer.
    """
    storage.flush()
    record = storage.session(session_id)
    if record is None:
        return None
    after_seq = after_seq if epoch in (None, record.epoch) else 0
    epoch = record.epoch
    rows = storage.frames_after(
        session_id, epoch, seq=after_seq, limit=limit + 1, kind="prediction"
    )
    mine = rows[:limit]
    first = storage.first_seq(session_id, epoch) or record.last_seq + 1
    seen = mine[-1][0] if len(mine) < len(rows) else max(record.last_seq, after_seq)
    return _page(session_id, epoch, first=first, seen=seen, texts=[text for _, _, text in mine])


def _page(session_id: str, epoch: int, *, first: int, seen: int, texts: list[str]) -> Page:
    return {
        "session_id": session_id,
        "epoch": epoch,
        "first_seq": first,
        "next_after_seq": seen,
        "predictions": [msgspec.Raw(text.encode()) for text in texts],
    }
