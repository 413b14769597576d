"""A trained model on disk: one folder, checked file by file before anything of it is used."""

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from hadua.models.check_set import CheckSet, parse_check_set
from hadua.models.errors import BundleError
from hadua.models.features import FeatureSpec, FloatArray, Modality
from hadua.models.manifest import (
    CHECK_SET,
    EMBEDDINGS,
    ONNX,
    OPTIONAL_FILES,
    TORCHSCRIPT,
    WEIGHTS,
    Description,
    FilePart,
    Manifest,
    parse_manifest,
)
from hadua.models.onnx_guard import check_onnx
from hadua.models.safetensors_file import require_small_header
from hadua.models.source_statistics import SourceStatistics, parse_source_statistics
from hadua.models.torchscript_guard import check_torchscript

MANIFEST = "manifest.json"
MAX_FILE_BYTES = 256 * 2**20
MAX_MANIFEST_BYTES = 4 * 2**20
_EXPORT_HINT = "Is the path right? Copy the bundle again, or make one with `hadua train`."


@dataclass(frozen=True, slots=True, eq=False)
class Normalisation:
    """What features are normalised by: `(x - mean) / std`.

    Args:
        mean: `(n_features,)`, float64, read-only.
        std: `(n_features,)`, positive.
    """

    mean: FloatArray
    std: FloatArray

    def __post_init__(self) -> None:
        self.mean.setflags(write=False)
        self.std.setflags(write=False)

    def apply(self, values: FloatArray) -> FloatArray:
        """Normalise `(..., n_features)` values."""
        return np.asarray((values - self.mean) / self.std)


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A bundle whose files are those its manifest names.

    Args:
        path: Its folder.
        manifest: What it says about itself.
        digest: SHA-256 of the manifest's bytes, which name every other file's: the identity.
        specs: What each modality's input is; a modality it does not use is absent.
        normalisation: What each modality's features are normalised by.
    """

    path: Path
    manifest: Manifest
    digest: str
    specs: Mapping[Modality, FeatureSpec]
    normalisation: Mapping[Modality, Normalisation]

    @property
    def id(self) -> str:
        """`name@hash`, as predictions carry it."""
        return f"{self.manifest.name}@{self.digest[:12]}"

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the logits."""
        return self.manifest.classes

    @property
    def context(self) -> int:
        """Most windows the network looks back on."""
        return self.manifest.context

    @property
    def hop_s(self) -> float:
        """Distance between two windows, the same for every modality."""
        return next(iter(self.specs.values())).hop_s

    def width(self, modality: Modality) -> int:
        """Number of features of a modality, 0 if the model has no such input."""
        return self.manifest.width(modality)

    def source_statistics(self) -> SourceStatistics | None:
        """What it carries in place of source windows, or None.

        Raises:
            BundleError: The file is not what it should be.
        """
        if not self.manifest.source_free:
            return None
        where = f"bundle file {str(self.path / EMBEDDINGS)!r}"
        return parse_source_statistics(
            self.read(EMBEDDINGS), n_classes=len(self.classes), where=where
        )

    def check_set(self) -> CheckSet | None:
        """The labelled windows that it carries to notice a network that breaks, or None.

        Raises:
            BundleError: The file is not what it should be.
        """
        if CHECK_SET not in self.manifest.files:
            return None
        return parse_check_set(
            self.read(CHECK_SET),
            n_eeg=self.width(Modality.EEG),
            n_eye=self.width(Modality.EYE),
            n_classes=len(self.classes),
            where=f"bundle file {str(self.path / CHECK_SET)!r}",
        )

    def read(self, name: str) -> bytes:
        """The bytes of one file, checked again against the manifest.

        Raises:
            BundleError: The manifest does not name it, or the file is not the one it names.
        """
        part = self.manifest.files.get(name)
        if part is None:
            raise BundleError(
                f"bundle {str(self.path)!r} has no file {name!r}",
                expected=", ".join(sorted(self.manifest.files)),
            )
        return _read_checked(self.path / name, part)


def load_bundle(path: Path) -> Bundle:
    """Open a bundle and check all of it: manifest, files, ONNX model, and what else it carries.

    Raises:
        BundleError: Something is missing, damaged, or not what the manifest says.
    """
    path = Path(path)
    data = _read_manifest(path)
    manifest = parse_manifest(data, where=f"bundle {str(path)!r}")
    bundle = Bundle(
        path=path,
        manifest=manifest,
        digest=hashlib.sha256(data).hexdigest(),
        specs={m: part.spec(m) for m, part in manifest.features.items()},
        normalisation={
            m: Normalisation(np.array(part.mean, np.float64), np.array(part.std, np.float64))
            for m, part in manifest.normalisation.items()
        },
    )
    for name in sorted(manifest.files):
        content = bundle.read(name)
        _check(name, content, where=f"bundle file {str(path / name)!r}")
    bundle.source_statistics()
    bundle.check_set()
    return bundle


def _check(name: str, content: bytes, *, where: str) -> None:
    """What can be said of a file before it is used."""
    if name == ONNX:
        check_onnx(content, where=where)
    elif name == TORCHSCRIPT:
        check_torchscript(content, where=where)
    elif name == WEIGHTS:
        try:
            require_small_header(content)
        except ValueError as error:
            raise BundleError(
                f"{where}: not a safetensors file", got=str(error), hint=_EXPORT_HINT
            ) from error


def write_bundle(
    path: Path,
    *,
    description: Description,
    contents: Mapping[str, bytes],
    replace: bool = False,
) -> Bundle:
    """Write a bundle whole or not at all; the same arguments give the same bytes.

    Args:
        path: The folder to make.
        description: Everything of the manifest but the files.
        contents: Bytes by file name.
        replace: Whether to write into a folder that is there already. Files that are not the
            bundle's stay; its manifest comes last, so that a torn write cannot pass for a bundle.

    Raises:
        BundleError: Something else is there, or what was written does not load.
    """
    path = Path(path)
    _require_room(path, replace=replace)
    parts = {n: FilePart(size_bytes=len(c), sha256=_sha256(c)) for n, c in contents.items()}
    manifest = Manifest(**description.model_dump(exclude={"files", "format_version"}), files=parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as work:
        fresh = Path(work) / "new"
        fresh.mkdir()
        for name, content in {**contents, MANIFEST: manifest.to_bytes()}.items():
            (fresh / name).write_bytes(content)
        load_bundle(fresh)
        if path.exists():
            _move_into(path, fresh, names=(*contents, MANIFEST))
        else:
            fresh.rename(path)
    return load_bundle(path)


def demo_bundle_path() -> Path:
    """The folder of the demo bundle inside the package.

    Raises:
        BundleError: The package lies where it has no folder, as inside a zip file.
    """
    with as_file(files("hadua.models.demo")) as folder:
        if folder.is_dir():
            return folder
    raise BundleError(
        "demo bundle",
        got="a package that is not a folder on disk",
        hint="Install hadua with pip, not as a zip archive.",
    )


def _move_into(path: Path, fresh: Path, *, names: tuple[str, ...]) -> None:
    (path / MANIFEST).unlink(missing_ok=True)
    for name in set(OPTIONAL_FILES) - set(names):
        (path / name).unlink(missing_ok=True)  # the old bundle's
    for name in names:
        (fresh / name).replace(path / name)


def _require_room(path: Path, *, replace: bool) -> None:
    if not path.exists() and not path.is_symlink():
        return
    if replace and path.is_dir():
        return
    raise BundleError(
        f"cannot write a bundle to {str(path)!r}",
        got="another bundle there" if (path / MANIFEST).is_file() else "something else there",
        expected="a path that is free",
        hint="Choose another path, or ask for the bundle there to be replaced.",
    )


def _read_manifest(path: Path) -> bytes:
    where = f"bundle {str(path)!r}"
    if not path.exists():
        raise BundleError(where, got="nothing at this path", expected="a folder", hint=_EXPORT_HINT)
    if not path.is_dir():
        raise BundleError(
            where,
            got="a file",
            expected="the folder that holds manifest.json",
            hint="Give the folder, not a file inside it; unpack an archive first.",
        )
    if not (path / MANIFEST).is_file():
        raise BundleError(
            where, got=f"a folder without {MANIFEST}", expected="a bundle", hint=_EXPORT_HINT
        )
    return _read_capped(path / MANIFEST, MAX_MANIFEST_BYTES)


def _read_checked(path: Path, part: FilePart) -> bytes:
    where = f"bundle file {str(path)!r}"
    if not path.is_file():
        raise BundleError(
            where, got="no such file", expected=f"{part.size_bytes} bytes", hint=_EXPORT_HINT
        )
    content = _read_capped(path, MAX_FILE_BYTES)
    got, expected = _sha256(content), part.sha256
    if len(content) != part.size_bytes or got != expected:
        raise BundleError(
            f"{where} is not the file its manifest names",
            got=f"{len(content)} bytes, sha256 {got}",
            expected=f"{part.size_bytes} bytes, sha256 {expected}",
            hint=_EXPORT_HINT,
        )
    return content


def _read_capped(path: Path, cap_bytes: int) -> bytes:
    try:
        size = path.stat().st_size
        if size <= cap_bytes:
            return path.read_bytes()
    except OSError as error:
        raise BundleError(
            f"bundle file {str(path)!r} cannot be read", got=str(error.strerror), hint=_EXPORT_HINT
        ) from error
    raise BundleError(
        f"bundle file {str(path)!r} is too large",
        got=f"{size} bytes",
        expected=f"{cap_bytes} at most",
    )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
