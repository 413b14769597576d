"""Damage to binary formats part by part, so that most of the file is still what it claims to be."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from random import Random

from fuzz.mutation import any_number, damaged
from fuzz.trees import json_damaged

_RAW = 0.15


def named(files: dict[str, bytes]) -> bytes:
    """Several files as one input."""
    return b"".join(
        struct.pack("<HI", len(name), len(content)) + name.encode() + content
        for name, content in files.items()
    )


def unnamed(data: bytes) -> dict[str, bytes]:
    """The files of such an input, as far as it goes."""
    files, at = dict[str, bytes](), 0
    while at + 6 <= len(data):
        n, size = struct.unpack_from("<HI", data, at)
        at += 6
        files[data[at : at + n].decode("utf-8", "replace")] = data[at + n : at + n + size]
        at += n + size
    return files


def files_damaged(
    numbers: Random, data: bytes, hows: dict[str, Callable[[Random, bytes], bytes]]
) -> bytes:
    """One or two of the files damaged, each in its own way; now and then one missing."""
    files = unnamed(data)
    for _ in range(1 + numbers.getrandbits(2) % 2):
        name = numbers.choice(list(files))
        if numbers.random() < 0.03 and len(files) > 1:
            del files[name]
            continue
        how = hows.get(name.rpartition(".")[2], damaged)
        files[name] = how(numbers, files[name])
    return named(files)


def safetensors_damaged(numbers: Random, data: bytes) -> bytes:
    """Another header with its true length, another length, or other values."""
    if len(data) < 8 or numbers.random() < _RAW:
        return damaged(numbers, data)
    (length,) = struct.unpack_from("<Q", data)
    header, values = data[8 : 8 + length], data[8 + length :]
    kind = numbers.getrandbits(8) % 4
    if kind == 0:
        return struct.pack("<Q", any_number(numbers) & (2**64 - 1)) + header + values
    if kind == 1:
        return data[: 8 + length] + damaged(numbers, values)
    header = json_damaged(numbers, header)
    return struct.pack("<Q", len(header)) + header + values


def xdf_parts(data: bytes) -> list[tuple[int, bytes]]:
    """Tag and content of each chunk, as far as the file goes."""
    parts, at = list[tuple[int, bytes]](), 4
    formats = {1: "<B", 4: "<I", 8: "<Q"}
    while at < len(data) and data[at] in formats:
        width = data[at]
        if at + 1 + width > len(data):
            break
        (length,) = struct.unpack_from(formats[width], data, at + 1)
        content = data[at + 1 + width : at + 1 + width + length]
        if len(content) < 2:
            break
        parts.append((struct.unpack_from("<H", content)[0], content[2:]))
        at += 1 + width + length
    return parts


def xdf_of(parts: Sequence[tuple[int, bytes]], numbers: Random | None = None) -> bytes:
    """A file of these chunks; with numbers, one of them may lie about its length."""
    out = [b"XDF:"]
    liar = -1
    if numbers is not None and parts and numbers.random() < 0.1:
        liar = int(numbers.random() * len(parts))
    for k, (tag, content) in enumerate(parts):
        length = len(content) + 2
        if k == liar and numbers is not None:
            length = any_number(numbers) & 0xFFFFFFFF
        out.append(b"\x04" + struct.pack("<IH", length, tag & 0xFFFF) + content)
    return b"".join(out)


def xdf_damaged(numbers: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Chunks changed, dropped, doubled, moved, or of another file."""
    parts = xdf_parts(data)
    if not parts or numbers.random() < _RAW:
        return damaged(numbers, data, others)
    for _ in range(1 + numbers.getrandbits(8) % 3):
        if not parts:
            break
        at = int(numbers.random() * len(parts))
        tag, content = parts[at]
        kind = numbers.getrandbits(8) % 10
        if kind == 0:
            del parts[at]
        elif kind == 1:
            parts.insert(int(numbers.random() * (len(parts) + 1)), parts[at])
        elif kind == 2:
            parts[at] = (numbers.getrandbits(3), content)
        elif kind == 3:
            other = xdf_parts(numbers.choice(others))
            parts.insert(at, numbers.choice(other) if other else (5, b""))
        elif kind == 4 and len(content) > 6:
            parts[at] = (tag, content[:5] + damaged(numbers, content[5:]))
        else:
            parts[at] = (tag, _content(numbers, tag, content))
    return xdf_of(parts, numbers)


def _content(numbers: Random, tag: int, content: bytes) -> bytes:
    if tag == 3 and b'{"' in content:
        return _document(numbers, content)
    if tag in (2, 6):
        return content[:4] + xml_damaged(numbers, content[4:])
    return damaged(numbers, content)


def _document(numbers: Random, content: bytes) -> bytes:
    """Another JSON text in the place of the last string of a chunk, with its true length."""
    at = content.index(b'{"')
    if at < 5:
        return damaged(numbers, content)
    (length,) = struct.unpack_from("<I", content, at - 4)
    text = json_damaged(numbers, content[at : at + length])
    return content[: at - 4] + struct.pack("<I", len(text)) + text + content[at + length :]


def xml_damaged(numbers: Random, data: bytes) -> bytes:
    """Another text in an element, an element more or less, or other bytes."""
    pieces = data.replace(b"<", b"\0<").replace(b">", b">\0").split(b"\0")
    at = int(numbers.random() * len(pieces))
    kind = numbers.getrandbits(8) % 6
    if kind == 0:
        return damaged(numbers, data)
    if kind == 1:
        pieces[at] = b""
    elif kind == 2:
        pieces.insert(at, numbers.choice(pieces) * numbers.choice((1, 2, 500)))
    elif kind == 3:
        pieces[at] = str(any_number(numbers)).encode()
    elif kind == 4:
        pieces[at] = damaged(numbers, pieces[at])
    else:
        pieces[at] = numbers.choice(pieces)
    return b"".join(pieces)


def protobuf_damaged(numbers: Random, data: bytes, depth: int = 0) -> bytes:
    """A field of a message changed, dropped, doubled, or nested, with lengths that are true."""
    fields = _fields(data)
    if not fields or depth > 12 or numbers.random() < _RAW:
        return damaged(numbers, data)
    at = int(numbers.random() * len(fields))
    tag, value = fields[at]
    kind = numbers.getrandbits(8) % 10
    if kind == 0:
        del fields[at]
    elif kind == 1:
        fields.insert(at, fields[int(numbers.random() * len(fields))])
    elif kind == 2:
        fields[at] = (any_number(numbers) & 0xFF | 2, value)
    elif kind == 3:
        for _ in range(numbers.choice((1, 20, 200))):
            value = _field((tag, value))
        fields[at] = (tag, value)
    else:
        fields[at] = (tag, protobuf_damaged(numbers, value, depth + 1))
    return b"".join(map(_field, fields))


def _fields(data: bytes) -> list[tuple[int, bytes]]:
    """Fields that are bytes, by tag, as far as they go; numbers are kept in front of them."""
    fields, at = list[tuple[int, bytes]](), 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag & 7 == 0:
            number, at = _varint(data, at)
            fields.append((tag, _number(number)))
        elif tag & 7 == 2:
            length, at = _varint(data, at)
            fields.append((tag, data[at : at + length]))
            at += length
        else:
            return []
    return fields


def _field(field: tuple[int, bytes]) -> bytes:
    tag, value = field
    return _number(tag) + value if tag & 7 == 0 else _number(tag) + _number(len(value)) + value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            break
        shift += 7
    return value, at


def _number(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def zipped(files: dict[str, bytes]) -> bytes:
    """As a zip without compression."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, content in files.items():
            made.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return out.getvalue()


def zip_damaged(numbers: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Another member in a good zip, or other bytes of it."""
    if numbers.random() < 0.6:
        return damaged(numbers, data, others)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as old:
            members = {name: old.read(name) for name in old.namelist()}
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError):
        return damaged(numbers, data, others)  # it was damaged before
    if not members:
        return damaged(numbers, data, others)
    name = numbers.choice(list(members))
    content = members.pop(name)
    how = json_damaged if name.endswith("json") else damaged
    other = damaged(numbers, name.encode()).decode("utf-8", "replace").replace("\0", "")[:200]
    members[name if numbers.random() < 0.7 else other or "x"] = how(numbers, content)
    return zipped(members)
