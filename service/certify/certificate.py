"""The certificate: what was measured on which machine, against which limits, and a seal over it.

The seal is an HMAC-SHA256 with a key that this installation made for itself. Whoever has the key
(on this machine, in the data folder) can tell that not a byte has changed since; to anybody else it
is worth what a checksum is. It says nothing of who ran the measurement, and nobody vouches for it.
"""

import hashlib
import hmac
import json
import os
import platform
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from pydantic import JsonValue

from hadua.models.errors import HaduaError
from hadua.service.atomic_file import write_whole
from hadua.service.certify.measured import QUANTILES, Level, Limits
from hadua.service.evaluation.provenance import versions
from hadua.service.machine import processor

SCHEMA_VERSION = 1
KEY = "certify.key"
_MEANING = (
    "HMAC-SHA256 over this document without `seal`, with keys sorted and no spaces, by a key of "
    "the installation that made it. It proves to whoever holds that key that nothing was changed; "
    "`hadua certify --check FILE` looks. Nobody else vouches for it."
)


def certificate(
    levels: Sequence[Level],
    limits: Limits,
    *,
    started: datetime,
    machine: Mapping[str, JsonValue],
    command: Sequence[str],
    bundle: str,
) -> dict[str, JsonValue]:
    """All of it, without the seal."""
    told = [_level(level, limits) for level in levels]
    holds = [level.load.people for level in levels if not level.failures(limits)]
    content: dict[str, object] = {
        "schema_version": SCHEMA_VERSION,
        "started": started.isoformat(timespec="seconds"),
        "command": list(command),
        "machine": dict(machine),
        "versions": {name: version for name, version in versions().items() if version},
        "bundle": bundle,
        "limits": asdict(limits),
        "passed": bool(levels) and len(holds) == len(levels),
        "holds_people": max(holds, default=0),
        "levels": told,
    }
    plain: dict[str, JsonValue] = json.loads(json.dumps(content))
    return plain


def machine_now() -> dict[str, JsonValue]:
    """What computes."""
    return {
        "system": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count() or 0,
        "load_average": [round(x, 2) for x in os.getloadavg()] if _has_load() else None,
    }


def sealed(content: Mapping[str, JsonValue], *, key: bytes) -> dict[str, JsonValue]:
    """The certificate with its seal."""
    seal: dict[str, JsonValue] = {
        "by": _fingerprint(key),
        "value": _seal(content, key),
        "what_it_is": _MEANING,
    }
    return {**content, "seal": seal}


def require_intact(path: Path, *, key: bytes) -> dict[str, JsonValue]:
    """The certificate in a file.

    Raises:
        HaduaError: none, one that another installation sealed, or one that was changed.
    """
    where = f"certificate {str(path)!r}"
    try:
        told = json.loads(path.read_bytes())
        seal = told.pop("seal")
        by, value = str(seal["by"]), str(seal["value"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise HaduaError(
            where, got=f"{type(error).__name__}: {error}", expected="what `hadua certify` wrote"
        ) from error
    if by != _fingerprint(key):
        raise HaduaError(
            f"{where} was sealed by another installation",
            got=by,
            expected=_fingerprint(key),
            hint="Check it where it was made, or name that data folder with --data-dir.",
        )
    if not hmac.compare_digest(value, _seal(told, key)):
        raise HaduaError(f"{where} was changed after it was sealed")
    plain: dict[str, JsonValue] = told
    return plain


def key_of(data_dir: Path) -> bytes:
    """The installation's key, made at the first time; nobody but its owner may read it.

    Raises:
        HaduaError: it cannot be read or made.
    """
    path = data_dir / KEY
    try:
        if path.exists():
            return bytes.fromhex(path.read_text(encoding="ascii").strip())
        data_dir.mkdir(parents=True, exist_ok=True)
        key = secrets.token_bytes(32)
        write_whole(path, key.hex().encode() + b"\n", mode=0o600)
    except (OSError, ValueError) as error:
        raise HaduaError(f"the key {str(path)!r}", got=str(error)) from error
    return key


def _level(level: Level, limits: Limits) -> dict[str, object]:
    failures = level.failures(limits)
    named = [f"p{100 * q:g}" for q in QUANTILES]
    lag = None if level.lag_ms is None else dict(zip(named, _rounded(level.lag_ms), strict=True))
    return {
        **asdict(level.load),
        "decisions": level.decisions,
        "decisions_expected": level.expected,
        "decisions_labelled": level.labelled,
        "decisions_per_s": round(level.decisions_per_s, 3),
        "arrival_to_client_ms": dict(zip(named, _rounded(level.arrival_ms), strict=True))
        | {"longest": round(level.longest_ms, 3)},
        "window_end_to_client_ms": dict(zip(named, _rounded(level.window_ms), strict=True)),
        "loop_lag_ms_at_most": lag,
        "lost": dict(level.lost),
        "histogram_ms": [list(pair) for pair in level.histogram],
        "sender_late_ms": round(level.sender_late_ms, 3),
        "cores_used": None if level.cpu_share is None else round(level.cpu_share, 3),
        "passed": not failures,
        "failures": list(failures),
    }


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(v, 3) for v in values]


def _seal(content: Mapping[str, JsonValue], key: bytes) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _fingerprint(key: bytes) -> str:
    return hashlib.sha256(b"hadua certify" + key).hexdigest()[:16]


def _has_load() -> bool:
    return hasattr(os, "getloadavg")
