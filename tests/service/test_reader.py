"""A reader that is told to stop says nothing more."""

import threading

from support.service import EEG, FakeSource, ramps

from hadua.adapters.sources.source import StreamSpec
from hadua.models.features import Modality
from hadua.service.bridge import Item
from hadua.service.reader import ReaderThread
from hadua.service.watch import StreamWatch


def test_a_reader_told_to_stop_while_it_opens_does_not_report_the_stream() -> None:
    """Whoever would be told may be gone by the time the device answers."""
    found, delivered = list[StreamSpec | Exception](), list[Item]()
    gate = threading.Event()
    source = FakeSource(ramps(EEG, 3), open_gate=gate)
    reader = ReaderThread(
        source,
        modality=Modality.EEG,
        opened=lambda _, spec: found.append(spec),
        deliver=delivered.append,
        watch=StreamWatch(stale_s=1.0, clock=lambda: 0.0),
        clock=lambda: 0.0,
        wait_s=10.0,
    )
    reader.start()
    reader.stop()
    gate.set()

    assert reader.join(5.0)
    assert source.closed.is_set()
    assert (found, delivered) == ([], [])
