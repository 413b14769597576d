"""Damage to documents that stays well-formed: JSON, and what has JSON inside."""

import json
from collections.abc import Sequence
from random import Random

from fuzz.mutation import any_number, damaged

_TEXTS = (
    "",
    "\0",
    "a\nb",
    "\x1b[2J",
    "../x",
    "a" * 3000,
    "\u202e",
    "9" * 5000,
    "NaN",
    "eeg",
    "\ud800",
)
_LEAVES: tuple[object, ...] = (
    *(None, True, False, 0, -1, 1, 0.5, -0.0, 1e308, 2**31, 2**63, 2**64, 10**400, 1e-320),
    *([], {}, [[]], [None], {"": None}, [0] * 300, float("nan"), float("inf"), float("-inf")),
)
_RAW = 0.2
MOST_DOCUMENT = 2**18  # bytes; no parser takes larger ones to be damaged in


def json_damaged(numbers: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """The document with other values, names or nesting; now and then no document any more."""
    if numbers.random() < _RAW:
        return damaged(numbers, data, others)
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return damaged(numbers, data, others)
    for _ in range(1 + numbers.getrandbits(4) % 3):
        tree = tree_damaged(numbers, tree)
    changed = written(tree)
    return changed if len(changed) <= MOST_DOCUMENT else damaged(numbers, data, others)


def written(tree: object) -> bytes:
    """As JSON."""
    try:
        return json.dumps(tree, ensure_ascii=False).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        return b"[]"


def tree_damaged(numbers: Random, tree: object) -> object:
    """The tree with one thing changed somewhere in it."""
    if isinstance(tree, dict) and tree and numbers.random() < 0.85:
        key = numbers.choice(list(tree))
        return _in_dict(numbers, tree, key)
    if isinstance(tree, list) and tree and numbers.random() < 0.85:
        at = int(numbers.random() * len(tree))
        kind = numbers.getrandbits(8) % 8
        if kind == 0:
            return tree[:at] + tree[at + 1 :]
        if kind == 1:
            return tree[:at] + [tree[at]] * numbers.choice((2, 3, 20)) + tree[at:]
        return [*tree[:at], tree_damaged(numbers, tree[at]), *tree[at + 1 :]]
    return leaf(numbers, tree)


def _in_dict(numbers: Random, tree: dict[str, object], key: str) -> dict[str, object]:
    kind = numbers.getrandbits(8) % 10
    if kind == 0:
        return {k: v for k, v in tree.items() if k != key}
    if kind == 1:
        return {**tree, numbers.choice(_TEXTS): leaf(numbers, None)}
    if kind == 2:
        other = numbers.choice(list(tree))
        return {**tree, key: tree[other]}
    if kind == 3:
        return {(numbers.choice(_TEXTS) if k == key else k): v for k, v in tree.items()}
    return {**tree, key: tree_damaged(numbers, tree[key])}


def leaf(numbers: Random, old: object) -> object:
    """Another value, often of another kind."""
    kind = numbers.getrandbits(8) % 8
    if kind == 0:
        deep: object = old
        for _ in range(numbers.choice((1, 5, 200))):
            deep = [deep] if numbers.getrandbits(1) else {"a": deep}
        return deep
    if kind <= 2:
        return numbers.choice(_TEXTS)
    if kind == 3 and isinstance(old, str) and old:
        return damaged(numbers, old.encode("utf-8", "replace")).decode("utf-8", "replace")
    if kind == 4:
        return numbers.choice((1, -1)) * any_number(numbers)
    return numbers.choice(_LEAVES)
