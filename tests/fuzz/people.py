"""What is kept of a person: profiles, and the archives in which they travel."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
from fuzz.containers import (
    files_damaged,
    named,
    protobuf_damaged,
    safetensors_damaged,
    unnamed,
    zip_damaged,
    zipped,
)
from fuzz.models import onnx_model
from fuzz.target import Feed, Target
from fuzz.trees import json_damaged

from hadua.calibration.archive import import_participant
from hadua.calibration.profile import Profile, Provenance
from hadua.calibration.profile_files import DOCUMENT, of_files, to_files
from hadua.calibration.report import Report
from hadua.calibration.store import ProfileStore
from hadua.models.bundle import Normalisation
from hadua.models.errors import ProfileError
from hadua.models.features import Modality
from hadua.service.backup import restore

AT_UNIX = 1.7e9


def profile() -> Profile:
    """A profile of one weight."""
    return Profile(
        participant="P01",
        version=1,
        parent=0,
        bundle_id="fake@0",
        bundle_digest="0" * 64,
        weights={"classifier.3.bias": np.ones(3, np.float32)},
        model=onnx_model(),
        normalisation={Modality.EEG: Normalisation(np.zeros(4), np.ones(4))},
        n_seen=100,
        made=Provenance("calibration", 0, {"rate": 3e-4}, Report(100, balance={"calm": 1.0})),
    )


def sealed(files: dict[str, bytes]) -> dict[str, bytes]:
    """The same with the hashes that its files have, as a liar would write them."""
    try:
        document = json.loads(files[DOCUMENT])
        for name, part in document["files"].items():
            if name in files:
                content = files[name]
                part |= {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        del document["digest"]
        document["digest"] = hashlib.sha256(_kept(document)).hexdigest()
        return {**files, DOCUMENT: _kept(document)}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return files


def _kept(document: object) -> bytes:
    text = json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "surrogatepass")


def _profile(_: Path) -> Feed:
    def feed(data: bytes) -> None:
        files = sealed(unnamed(data))

        def read(name: str) -> bytes:
            if name not in files:
                raise ProfileError(f"{name!r} is not there")
            return files[name]

        of_files(read, where="profile 1 of 'P01'")

    return feed


def archive() -> bytes:
    """One participant with one version."""
    files = {f"versions/000001/{name}": content for name, content in to_files(profile()).items()}
    files["active.json"] = b'{"format_version":1,"active":1,"good":0,"highest":1}\n'
    files["ledger.jsonl"] = b'{"at_unix":1.7e9,"event":"saved","version":1,"reason":""}\n'
    return zipped({f"P01/{name}": content for name, content in files.items()})


def backup() -> bytes:
    """A back-up whose database is not one."""
    files = {"hadua.sqlite3": b"SQLite format 3\0" + b"\0" * 84, "mappings.json": b"{}"}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    facts = {"format": 1, "hadua": "0", "made_unix": AT_UNIX, "files": digests}
    named_ = {f"data/{name}": content for name, content in files.items()}
    return zipped({**named_, "manifest.json": json.dumps(facts).encode()})


def _archive(folder: Path) -> Feed:
    def feed(data: bytes) -> None:
        root, path = folder / "profiles", folder / "input.zip"
        shutil.rmtree(root, ignore_errors=True)
        path.write_bytes(data)
        import_participant(ProfileStore(root), path, at_unix=AT_UNIX)

    return feed


def _backup(folder: Path) -> Feed:
    def feed(data: bytes) -> None:
        path, data_folder = folder / "input.zip", folder / "data"
        shutil.rmtree(data_folder, ignore_errors=True)
        path.write_bytes(data)
        restore(path, data_folder)

    return feed


def _profiles() -> list[bytes]:
    return [named(to_files(profile()))]


def _files(numbers: Random, files: Sequence[bytes]) -> bytes:
    hows = {"json": json_damaged, "safetensors": safetensors_damaged, "onnx": protobuf_damaged}
    return files_damaged(numbers, numbers.choice(files), hows)  # type: ignore[arg-type]


def _zips(numbers: Random, files: Sequence[bytes]) -> bytes:
    return zip_damaged(numbers, numbers.choice(files), files)


TARGETS = (
    Target("profile", "`of_files`: JSON, safetensors, ONNX", _profiles, _files, _profile),
    Target("archive", "`hadua participants import-profiles`", lambda: [archive()], _zips, _archive),
    Target("backup", "`hadua restore`", lambda: [backup()], _zips, _backup),
)
