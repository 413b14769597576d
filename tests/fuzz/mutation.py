"""Damage to bytes that knows nothing of their meaning: flips, cuts, splices, lies about lengths."""

from collections.abc import Callable, Sequence
from random import Random

MOST_BYTES = 64 * 1024

_LIES = (0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 100, 127, 128, 255, 256, 1000, 4096, 32767,
         32768, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53, 2**62, 2**63 - 1,
         2**63, 2**64 - 1)  # fmt: skip
WORDS = (
    *(b"", b"\0", b"\n", b"\r\n", b"\x1b[31m", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"'", b'"'),
    *(b"0", b"-1", b"1e999", b"NaN", b"Infinity", b"null", b"true", b"[]", b"{}", b"9" * 5000),
    *(b"99999999999", b"../", b"/", b"\\", b":", b",", b"=", b"%", b"%00", b"%2e%2e%2f", b"$(a)"),
    *(b"<a>", b"</a>", b"&a;", b"[" * 2000, b"{" * 2000, b"<a>" * 2000, b"\xe2\x80\xae"),
    *("\u0661\u0662".encode(), "\u00e4".encode(), "\ufeff".encode(), b"a" * 3000),
)


def damaged(numbers: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """The bytes after one to six kinds of damage."""
    for _ in range(1 + numbers.getrandbits(8) % 6):
        data = numbers.choice(_KINDS)(numbers, data, others)
    return data[:MOST_BYTES]


def any_number(numbers: Random) -> int:
    """A number at which programs break, or beside it."""
    return max(numbers.choice(_LIES) + numbers.choice((0, 0, 0, -1, 1)), 0)


def _place(numbers: Random, data: bytes) -> int:
    return int(numbers.random() * (len(data) + 1))


def _span(numbers: Random, data: bytes) -> slice:
    start = _place(numbers, data)
    length = 1 + int(numbers.random() ** 3 * len(data))
    return slice(start, start + length)


def _flip(numbers: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    changed[int(numbers.random() * len(data))] ^= 1 << numbers.getrandbits(3)
    return bytes(changed)


def _set(numbers: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    changed[int(numbers.random() * len(data))] = numbers.getrandbits(8)
    return bytes(changed)


def _cut(numbers: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    return data[: _place(numbers, data)]


def _drop(numbers: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    gone = _span(numbers, data)
    return data[: gone.start] + data[gone.stop :]


def _double(numbers: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    again = _span(numbers, data)
    times: int = numbers.choice((1, 1, 2, 17))
    return data[: again.stop] + data[again] * times + data[again.stop :]


def _swap(numbers: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    moved, at = _span(numbers, data), _place(numbers, data)
    rest = data[: moved.start] + data[moved.stop :]
    return rest[:at] + data[moved] + rest[at:]


def _insert(numbers: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    at = _place(numbers, data)
    return data[:at] + numbers.randbytes(1 + numbers.getrandbits(4)) + data[at:]


def _word(numbers: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    at = _place(numbers, data)
    over = numbers.choice((0, 0, 1, 4))
    word: bytes = numbers.choice(WORDS)
    return data[:at] + word + data[at + over :]


def _splice(numbers: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    if not others:
        return data
    other: bytes = numbers.choice(others)
    return data[: _place(numbers, data)] + other[_place(numbers, other) :]


def _lie(numbers: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Another number where one of 1, 2, 4 or 8 bytes may stand."""
    width = numbers.choice((1, 2, 4, 8))
    at = _place(numbers, data)
    told = (any_number(numbers) & ((1 << 8 * width) - 1)).to_bytes(width, "little")
    return data[:at] + told + data[at + width :]


def _digits(numbers: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Another number in place of one that is written out."""
    places = [i for i, byte in enumerate(data[:4096]) if 48 <= byte <= 57]
    if not places:
        return data
    at = end = numbers.choice(places)
    while end < len(data) and 48 <= data[end] <= 57:
        end += 1
    return data[:at] + str(any_number(numbers)).encode() + data[end:]


_KINDS: tuple[Callable[[Random, bytes, Sequence[bytes]], bytes], ...] = (
    *(_flip, _set, _cut, _drop, _double, _swap),
    *(_insert, _word, _word, _splice, _lie, _lie, _digits),
)
