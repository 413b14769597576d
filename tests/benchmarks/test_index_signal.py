"""Not one sample of 62 x 1000 Hz is lost, doubled or out of order without being counted."""

import asyncio
import os
from pathlib import Path

import numpy as np
import pytest
from index_signal import Account, Numbers, account
from support.service import EEG

from hadua.adapters.sources.source import SampleChunk
from hadua.models.features import Modality


def chunk(*numbers: int, gap_before: bool = False) -> SampleChunk:
    k = np.array(numbers, np.float64)
    return SampleChunk(EEG, np.arange(len(k)) / 100.0, np.stack((k, -k), axis=1), gap_before)


def followed(*chunks: SampleChunk) -> Numbers:
    numbers = Numbers()
    for each in chunks:
        numbers(Modality.EEG, each)
    return numbers


def test_what_the_index_would_show() -> None:
    whole = followed(chunk(3, 4), chunk(5, 6))
    lost = followed(chunk(0, 1), chunk(4, 5), chunk(9, gap_before=True))
    doubled = followed(chunk(0, 1, 2), chunk(2, 3))
    swapped = followed(chunk(0, 2, 1, 3))

    assert (whole.first, whole.n, whole.missing, whole.again, whole.unsaid) == (3, 4, 0, 0, 0)
    assert (lost.missing, lost.again, lost.unsaid) == (5, 0, 1)
    assert doubled.again == 1
    assert swapped.again == 1


def assert_nothing_was_lost_unseen(told: Account) -> None:
    assert told.numbers.first is not None
    assert told.numbers.again == 0, told
    assert told.numbers.unsaid == 0, told
    assert told.uncounted == 0, told
    assert told.answers > told.seconds  # two a second, and it was the real path


def test_ten_seconds_with_every_core_busy(tmp_path: Path) -> None:
    told = asyncio.run(account(tmp_path, seconds=10.0, busy=os.cpu_count() or 1))

    assert_nothing_was_lost_unseen(told)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_ten_minutes_with_every_core_busy(tmp_path: Path) -> None:
    told = asyncio.run(account(tmp_path, seconds=600.0, busy=os.cpu_count() or 1))

    assert_nothing_was_lost_unseen(told)
