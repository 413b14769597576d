"""What comes from others over the network, but HTTP: stream headers, FieldTrip, frames."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

import msgspec
from fuzz.containers import files_damaged, named, unnamed, xml_damaged
from fuzz.target import Feed, Target
from fuzz.trees import json_damaged
from support.service import a_prediction
from support.xdf_writer import XdfStream, header

from hadua.adapters.sources.fieldtrip_header import parse_header
from hadua.adapters.sources.fieldtrip_link import RawHeader
from hadua.adapters.sources.stream_info import parse_stream_info
from hadua.models.features import Modality
from hadua.service.client.frames import decode
from hadua.service.prediction_frame import Moment, prediction_frame
from hadua.service.wire import encode

DESC = (
    "<synchronization><offset_mean>0.002</offset_mean></synchronization><manufacturer>x"
    "</manufacturer><display><screen_width>1920</screen_width><screen_height>1080</screen_height>"
    "</display><reference><label>CZ</label></reference>"
)


def _headers() -> list[bytes]:
    import numpy as np

    empty = np.zeros((0, 3))
    stream = XdfStream("a", "EEG", 250.0, np.zeros(0), empty, ("Fp1", "Fp2", "x"), desc=DESC)
    return [header(stream).encode()]


def _stream_header(_: Path) -> Feed:
    def feed(data: bytes) -> None:
        parse_stream_info(data.decode("utf-8", "replace"))

    return feed


def _fieldtrip(_: Path) -> Feed:
    def feed(data: bytes) -> None:
        parts = unnamed(data)
        facts = parts.get("facts", b"")
        with suppress(msgspec.DecodeError, msgspec.ValidationError):
            n, samples, rate_hz, kind = msgspec.json.decode(facts, type=tuple[int, int, float, int])
            raw = RawHeader(n, samples, rate_hz, kind, parts.get("names"), parts.get("scales"), 0)
            for modality in Modality:
                parse_header(raw, name="x", modality=modality)

    return feed


def _buffers() -> list[bytes]:
    scales = b"\0\0\0\0\0\0\xf0\x3f" * 3
    facts = b"[3, 100, 250.0, 5]"
    return [named({"facts": facts, "names": b"Fp1\0Fp2\0x\0", "scales": scales})]


def _frames() -> list[bytes]:
    moment = Moment(
        session_id="s", epoch=1, seq=1, time_unix=1.7e9, latency_ms={"total": 1.0},
        clock_uncertainty_ms=None,
    )  # fmt: skip
    return [
        encode(prediction_frame(a_prediction(), moment)).encode(),
        b'{"type":"gap","v":1,"session_id":"s","epoch":1,"seq":9,"first_seq":2,"last_seq":9}',
        b'{"type":"later","v":2,"session_id":"s","epoch":1,"seq":9,"news":[1,{"a":null}]}',
    ]


def _frame(_: Path) -> Feed:
    def feed(data: bytes) -> None:
        decode(data)

    return feed


def _xml(numbers: Random, files: Sequence[bytes]) -> bytes:
    data = xml_damaged(numbers, numbers.choice(files))
    return xml_damaged(numbers, data) if numbers.getrandbits(1) else data


def _json(numbers: Random, files: Sequence[bytes]) -> bytes:
    return json_damaged(numbers, numbers.choice(files), files)


def _buffer(numbers: Random, files: Sequence[bytes]) -> bytes:
    return files_damaged(numbers, numbers.choice(files), {"facts": json_damaged})


TARGETS = (
    Target("header", "`parse_stream_info`: headers of LSL streams", _headers, _xml, _stream_header),
    Target("fieldtrip", "`parse_header`: headers of buffers", _buffers, _buffer, _fieldtrip),
    Target("frame", "the Python client: frames of a service", _frames, _json, _frame),
)
