"""What an object remembers from one chunk to the next, as plain values, and put back to the bit.

A class that remembers something names it in `STATE`: attribute and type. What is put back comes
from a file: every value is checked against that type, an array also against the shape and kind of
the one that it replaces, and no file can name a class that is not expected in its place.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import StrEnum
from types import NoneType, UnionType
from typing import ClassVar, Protocol, Union, cast, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from hadua.models.errors import InvalidInputError, RecordingError
from hadua.models.quality import SignalQuality

Array = npt.NDArray[np.generic]
Fields = Mapping[str, object]
"""The attributes that make up a state, and the type of each."""

_DTYPES = ("<f8", "<f4", "|b1", "<i8")
_KNOWN: dict[type, dict[str, object]] = {}
_PLAIN = (bool, int, str, float)
_KIND = "~"
_LATE_NAMES = {"SignalQuality": SignalQuality}  # which `FeatureWindow` names without importing it


class Remembers(Protocol):
    """A class that says what of it is state."""

    STATE: ClassVar[Fields]


def state_of(value: object) -> object:
    """None, numbers, texts, bytes, lists and mappings by name that say what `value` is."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, np.ndarray):
        return {
            "dtype": value.dtype.str,
            "shape": list(value.shape),
            "data": np.ascontiguousarray(value).tobytes(),
        }
    if isinstance(value, Mapping):
        return [[state_of(k), state_of(v)] for k, v in value.items()]
    if isinstance(value, (list, tuple, deque, set, frozenset)):
        return [state_of(each) for each in value]
    names = getattr(type(value), "STATE", None)
    if names is not None:
        return {name: state_of(getattr(value, name)) for name in names}
    if is_dataclass(value):
        own = {f.name: state_of(getattr(value, f.name)) for f in fields(value)}
        return {_KIND: type(value).__name__, **own}
    raise TypeError(f"no state of a {type(value).__name__}")  # a class without STATE


def restore(thing: object, state: object, *, where: str) -> None:
    """Put a state back into an object that was made as the one that gave it.

    Args:
        thing: Its class has a `STATE`.
        state: What `state_of` gave.
        where: What errors name.

    Raises:
        RecordingError: another state than one of such an object.
    """
    kinds: Fields = cast("type[Remembers]", type(thing)).STATE
    values = _named(state, kinds, where)
    for name, kind in kinds.items():
        place = f"{where}.{name.lstrip('_')}"
        now = getattr(thing, name, None)
        if now is not None and hasattr(type(now), "STATE"):
            restore(now, values[name], where=place)
            continue
        value = restored(kind, values[name], where=place)
        if isinstance(now, deque):
            value = deque(cast("Iterable[object]", value), now.maxlen)
        if not isinstance(getattr(type(thing), name, None), property):  # which checks by itself
            _require_like(now, value, place)
        setattr(thing, name, value)


def restored(kind: object, state: object, *, where: str) -> object:
    """The value of a type that a state tells of.

    Raises:
        RecordingError: it tells of something else.
    """
    origin, inner = get_origin(kind) or kind, get_args(kind)
    if origin in (UnionType, Union):
        return _one_of(inner, state, where)
    if origin is np.ndarray:
        return _array(state, where)
    if origin in (dict, Mapping):
        key, of = inner
        pairs = [_list(pair, where, n=2) for pair in _list(state, where)]
        return {restored(key, k, where=where): restored(of, v, where=where) for k, v in pairs}
    if origin in (list, deque, set):
        values = [restored(inner[0], each, where=where) for each in _list(state, where)]
        return cast("type[list[object]]", origin)(values)
    if origin is tuple:
        return _tuple(inner, state, where)
    if not isinstance(origin, type):
        raise TypeError(f"{where}: no state of {kind}")
    return _single(origin, state, where)


def _single(kind: type, state: object, where: str) -> object:
    if kind is object:  # whoever asks for it restores it
        return state
    if kind is NoneType or kind in _PLAIN:
        fits = type(state) is kind or (kind is float and type(state) is int)
        if (kind is NoneType and state is not None) or (kind is not NoneType and not fits):
            raise _wrong(where, state, kind.__name__)
        return state
    if issubclass(kind, StrEnum):
        if state not in list(kind):
            raise _wrong(where, state, " or ".join(kind))
        return kind(str(state))
    if hasattr(kind, "STATE"):
        thing = kind.__new__(kind)
        restore(thing, state, where=where)
        return thing
    names = _fields_of(kind)
    values = _named(state, {_KIND: str, **names}, where)
    if values[_KIND] != kind.__name__:
        raise _wrong(where, values[_KIND], kind.__name__)
    own = {n: restored(k, values[n], where=f"{where}.{n}") for n, k in names.items()}
    try:
        return kind(**own)
    except InvalidInputError as error:
        raise _wrong(where, error, kind.__name__) from error


def _fields_of(kind: type) -> dict[str, object]:
    if kind not in _KNOWN:
        hints = get_type_hints(kind, localns=_LATE_NAMES)
        _KNOWN[kind] = {f.name: hints[f.name] for f in fields(kind)}
    return _KNOWN[kind]


def _one_of(kinds: Sequence[object], state: object, where: str) -> object:
    """The value of whichever type of a union fits: by its name where there are several."""
    if state is None and NoneType in kinds:
        return None
    name = state.get(_KIND) if isinstance(state, dict) else None
    some = [k for k in kinds if k is not NoneType]
    named = [k for k in some if getattr(k, "__name__", "") == name]
    if not (named or len(some) == 1):
        raise _wrong(where, name, " or ".join(str(getattr(k, "__name__", k)) for k in some))
    return restored((named or some)[0], state, where=where)


def _tuple(inner: Sequence[object], state: object, where: str) -> tuple[object, ...]:
    if len(inner) == 2 and inner[1] is Ellipsis:
        return tuple(restored(inner[0], each, where=where) for each in _list(state, where))
    values = _list(state, where, n=len(inner))
    return tuple(restored(k, v, where=where) for k, v in zip(inner, values, strict=True))


def _array(state: object, where: str) -> Array:
    values = _named(state, {"dtype": str, "shape": list, "data": bytes}, where)
    dtype, data = values["dtype"], values["data"]
    shape = [n for n in _list(values["shape"], where) if type(n) is int and n >= 0]
    if dtype not in _DTYPES or not isinstance(data, bytes):
        raise _wrong(where, dtype, f"an array of {', '.join(_DTYPES)}")
    kind = np.dtype(str(dtype))
    if len(data) != kind.itemsize * int(np.prod(shape, dtype=object)):
        raise _wrong(where, f"{len(data)} bytes", f"an array of shape {tuple(shape)}")
    return np.frombuffer(data, kind).reshape(shape).copy()


def _require_like(now: object, then: object, where: str) -> None:
    """Arrays keep their kind and shape, lists their length; only a deque grows."""
    if isinstance(now, np.ndarray) and isinstance(then, np.ndarray):
        if (then.dtype, then.shape) != (now.dtype, now.shape):
            got = f"{then.dtype} of shape {then.shape}"
            raise _wrong(where, got, f"{now.dtype} of shape {now.shape}")
    elif isinstance(now, list) and isinstance(then, list):
        if len(then) != len(now):
            raise _wrong(where, f"{len(then)} of them", f"{len(now)}")
        for one, other in zip(now, then, strict=True):
            _require_like(one, other, where)


def _named(state: object, names: Mapping[str, object], where: str) -> Mapping[str, object]:
    if not isinstance(state, dict) or state.keys() != names.keys():
        got = ", ".join(map(str, state)) if isinstance(state, dict) else type(state).__name__
        raise _wrong(where, got, ", ".join(names))
    return state


def _list(state: object, where: str, *, n: int | None = None) -> list[object]:
    if not isinstance(state, list) or (n is not None and len(state) != n):
        raise _wrong(where, type(state).__name__, "a list" if n is None else f"a list of {n}")
    return state


def _wrong(where: str, got: object, expected: str) -> RecordingError:
    return RecordingError(
        f"state of the pipeline: {where}",
        got=str(got)[:200],
        expected=expected,
        hint="The file is damaged, or another version of hadua made it.",
    )
