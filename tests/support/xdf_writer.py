"""A tiny writer of XDF 1.0, enough to make every file a reader has to cope with."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class XdfStream:
    """A stream to write: `stamp_s` `(n,)`, `x` `(n, n_channels)`, in blocks of `block` samples.

    `offsets` are the recorder's measurements of its clock: time there, what to add. `desc` goes
    into the header as it is.
    """

    name: str
    type: str
    rate_hz: float
    stamp_s: npt.NDArray[np.float64]
    x: npt.NDArray[np.float64]
    labels: tuple[str, ...] = ()
    block: int = 50
    footer: bool = True
    offsets: tuple[tuple[float, float], ...] = ()
    desc: str = ""


def write_xdf(path: Path, streams: Sequence[XdfStream]) -> list[int]:
    """Write the file; returns the byte at which each chunk begins."""
    starts: list[int] = []
    with path.open("wb") as file:
        file.write(b"XDF:")

        def chunk(tag: int, content: bytes) -> None:
            starts.append(file.tell())
            file.write(b"\x04" + struct.pack("<IH", len(content) + 2, tag) + content)

        chunk(1, b'<?xml version="1.0"?><info><version>1.0</version></info>')
        for i, stream in enumerate(streams, 1):
            chunk(2, struct.pack("<I", i) + header(stream).encode())
        for i, stream in enumerate(streams, 1):
            for start in range(0, stream.stamp_s.shape[0], stream.block):
                chunk(3, struct.pack("<I", i) + _samples(stream, start))
            for at_s, offset_s in stream.offsets:
                chunk(4, struct.pack("<Idd", i, at_s, offset_s))
        for i, stream in enumerate(streams, 1):
            if stream.footer:
                footer = f"<info><sample_count>{stream.stamp_s.shape[0]}</sample_count></info>"
                chunk(6, struct.pack("<I", i) + footer.encode())
    return starts


def header(stream: XdfStream) -> str:
    """The stream header, as LabRecorder has it."""
    channels = "".join(
        f"<channel><label>{escape(label)}</label></channel>" for label in stream.labels
    )
    return (
        f'<?xml version="1.0"?><info><name>{escape(stream.name)}</name>'
        f"<type>{escape(stream.type)}</type><channel_count>{stream.x.shape[1]}</channel_count>"
        f"<nominal_srate>{stream.rate_hz}</nominal_srate>"
        f"<channel_format>double64</channel_format><source_id></source_id>"
        f"<desc><channels>{channels}</channels>{stream.desc}</desc></info>"
    )


def _samples(stream: XdfStream, start: int) -> bytes:
    part = slice(start, start + stream.block)
    stamps, rows = stream.stamp_s[part], stream.x[part]
    count = struct.pack("<BI", 4, len(stamps))
    return count + b"".join(
        b"\x08" + struct.pack("<d", t) + row.astype("<f8").tobytes()
        for t, row in zip(stamps.tolist(), rows, strict=True)
    )
