"""Sends some people's streams over Lab Streaming Layer: `sending_people.py ID K ...`."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pylsl
from recorded_people import EEG_CHUNK, GAZE_CHUNK, MODELS, signal

from hadua.adapters.sources.clock import lsl_now_s
from hadua.models.features import Modality

SENDERS = 2


@contextmanager
def sent(people: int) -> Iterator[None]:
    """Processes that send everybody's streams."""
    shares = [range(people)[part::SENDERS] for part in range(min(SENDERS, people))]
    children = [
        subprocess.Popen([sys.executable, __file__, str(os.getpid()), *map(str, share)])
        for share in shares
    ]
    try:
        yield
    finally:
        for child in children:
            child.terminate()
            child.wait(timeout=10.0)


def source_of(k: int, modality: Modality) -> str:
    """SOURCE of one stream of the k-th person that this process has sent."""
    return f"lsl:source_id={_source_id(str(os.getpid()), k, modality)}"


def _source_id(bench: str, k: int, modality: Modality) -> str:
    return f"hadua-bench-{bench}-{k}-{modality}"


def _send(bench: str, k: int, modality: Modality) -> None:
    played = signal(k % MODELS, modality)
    spec, chunk = played.spec, EEG_CHUNK if modality is Modality.EEG else GAZE_CHUNK
    info = pylsl.StreamInfo(
        f"bench-{k}-{modality}",
        spec.type,
        len(spec.channels),
        spec.rate_hz,
        "float32",
        _source_id(bench, k, modality),
    )
    channels = info.desc().append_child("channels")
    for channel in spec.channels:
        node = channels.append_child("channel")
        for key, value in (
            ("label", channel.label),
            ("type", channel.kind),
            ("unit", channel.unit),
            ("eye", channel.eye),
            ("coordinate_system", channel.coordinate_system),
        ):
            if value:
                node.append_child_value(key, value)
    outlet, n, origin_s = pylsl.StreamOutlet(info, chunk), 0, lsl_now_s()
    pause = threading.Event()
    while True:
        stamp_s = origin_s + (n + chunk - 1) / spec.rate_hz
        pause.wait(max(0.0, stamp_s - lsl_now_s()))
        rows = [played.x[i % len(played.x)] for i in range(n, n + chunk)]
        outlet.push_chunk([row.tolist() for row in rows], stamp_s)
        n += chunk


def main() -> None:
    bench, *people = sys.argv[1:]
    threads = [
        threading.Thread(target=_send, args=(bench, int(k), m)) for k in people for m in Modality
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
