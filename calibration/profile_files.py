"""A profile as files: JSON with the hash of everything, safetensors, ONNX. No pickle.

The same profile gives the same bytes.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, Literal, cast

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors.numpy import save as save_arrays

from hadua.calibration.profile import Profile, Provenance
from hadua.models.bundle import Normalisation
from hadua.models.errors import HaduaError, ProfileError
from hadua.models.features import Modality
from hadua.models.manifest import FilePart
from hadua.models.onnx_guard import check_onnx
from hadua.models.safetensors_file import load_arrays

DOCUMENT, ARRAYS, MODEL = "profile.json", "profile.safetensors", "model.onnx"
FILE_NAMES = (DOCUMENT, ARRAYS, MODEL)
MAX_BYTES: Mapping[str, int] = {DOCUMENT: 2**20, ARRAYS: 2**26, MODEL: 2**26}

_DOCUMENTS = 128  # whose parsing is remembered, a few kilobytes each
_HINT = "Roll back to another version, or calibrate again."
Count = Annotated[int, Field(ge=0)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Document(BaseModel):
    """`profile.json`.

    Args:
        format_version: Of this layout.
        digest: SHA-256 of this document without this field.
        files: The other files.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    format_version: Literal[1] = 1
    participant: str
    version: Annotated[int, Field(ge=1)]
    parent: Count
    bundle_id: str
    bundle_digest: Hash
    n_seen: Count
    made: Provenance
    files: dict[Annotated[str, Field(pattern=r"^(profile\.safetensors|model\.onnx)$")], FilePart]
    digest: str = ""

    def sealed(self) -> "Document":
        """The same with its digest."""
        return self.model_copy(update={"digest": self._digest()})

    def is_whole(self) -> bool:
        """Whether it is what was sealed."""
        return self.digest == self._digest()

    def to_bytes(self) -> bytes:
        """As stored."""
        return _json(self.model_dump(mode="json"))

    def _digest(self) -> str:
        return _sha256(_json(self.model_dump(mode="json", exclude={"digest"})))


def to_files(profile: Profile) -> dict[str, bytes]:
    """The bytes of every file, the document last: it names the others."""
    arrays: dict[str, npt.NDArray[np.generic]] = {
        f"weights/{name}": np.ascontiguousarray(values) for name, values in profile.weights.items()
    }
    for modality, own in profile.normalisation.items():
        arrays[f"mean/{modality}"], arrays[f"std/{modality}"] = own.mean, own.std
    files = {ARRAYS: save_arrays(dict(sorted(arrays.items())))}
    if profile.model:
        files[MODEL] = profile.model
    document = Document(
        participant=profile.participant,
        version=profile.version,
        parent=profile.parent,
        bundle_id=profile.bundle_id,
        bundle_digest=profile.bundle_digest,
        n_seen=profile.n_seen,
        made=profile.made,
        files={name: FilePart(size_bytes=len(c), sha256=_sha256(c)) for name, c in files.items()},
    )
    return {**files, DOCUMENT: document.sealed().to_bytes()}


def parse_document(content: bytes, *, where: str) -> Document:
    """Read `profile.json`.

    Raises:
        ProfileError: not such a document, or another than was written.
    """
    try:
        document, whole = _parsed(content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in fault["loc"]) or DOCUMENT
        raise ProfileError(
            f"{where} is not valid", got=f"{place}: {fault['msg']}", hint=_HINT
        ) from None
    if not whole:
        raise ProfileError(f"{where} is damaged", got="another content than its digest", hint=_HINT)
    return document


@lru_cache(maxsize=_DOCUMENTS)
def _parsed(content: bytes) -> tuple[Document, bool]:
    """A document, and whether it is what was sealed.

    Each version that is saved makes those before it be read again, to know which to keep.
    """
    document = Document.model_validate_json(content)
    return document, document.is_whole()


def of_files(read: Callable[[str], bytes], *, where: str) -> Profile:
    """Read a profile, each file checked against the document.

    Args:
        read: Gives the bytes of a file by its name.
        where: What errors name.

    Raises:
        ProfileError: something is missing, damaged or not what it should be.
    """
    document = parse_document(read(DOCUMENT), where=f"{where}, {DOCUMENT!r}")
    contents = {name: read(name) for name in document.files}
    for name, part in document.files.items():
        if (len(contents[name]), _sha256(contents[name])) != (part.size_bytes, part.sha256):
            raise ProfileError(
                f"{where}: {name!r} is damaged",
                got=f"{len(contents[name])} bytes, sha256 {_sha256(contents[name])[:12]}",
                expected=f"{part.size_bytes} bytes, sha256 {part.sha256[:12]}",
                hint=_HINT,
            )
    weights, normalisation = _arrays(contents.get(ARRAYS, b""), where=where)
    model = contents.get(MODEL, b"")
    if model:
        _require_onnx(model, where=where)
    return Profile(
        participant=document.participant,
        version=document.version,
        parent=document.parent,
        bundle_id=document.bundle_id,
        bundle_digest=document.bundle_digest,
        weights=weights,
        model=model,
        normalisation=normalisation,
        n_seen=document.n_seen,
        made=document.made,
    )


def _arrays(
    content: bytes, *, where: str
) -> tuple[dict[str, npt.NDArray[np.float32]], dict[Modality, Normalisation]]:
    try:
        arrays = load_arrays(content)
        statistics = {
            Modality(name.removeprefix("mean/")): Normalisation(
                np.array(mean, np.float64), np.array(arrays[f"std/{name[5:]}"], np.float64)
            )
            for name, mean in arrays.items()
            if name.startswith("mean/")
        }
    except (KeyError, ValueError) as error:
        raise ProfileError(
            f"{where}: {ARRAYS!r} is not what a profile holds", got=str(error), hint=_HINT
        ) from error
    weights = {
        name.removeprefix("weights/"): cast("npt.NDArray[np.float32]", values)  # a profile looks
        for name, values in arrays.items()
        if name.startswith("weights/")
    }
    if len(weights) + 2 * len(statistics) != len(arrays):
        raise ProfileError(
            f"{where}: {ARRAYS!r} holds other arrays",
            got=", ".join(sorted(arrays))[:200],
            expected="weights/..., mean/... and std/... of eeg and eye",
            hint=_HINT,
        )
    return weights, statistics


def _require_onnx(model: bytes, *, where: str) -> None:
    try:
        check_onnx(model, where=f"{where}, {MODEL!r}")
    except HaduaError as error:
        raise ProfileError(error.what, got=error.got, expected=error.expected, hint=_HINT) from None


def _json(values: Mapping[str, object]) -> bytes:
    return (json.dumps(values, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
