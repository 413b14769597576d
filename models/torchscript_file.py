"""The folded network as a TorchScript file, traced."""

import io
import warnings
import zipfile

import torch
from torch import Tensor

from hadua.models.folded import Folded
from hadua.models.parity import example_input

JIT_DEPRECATED = r"`torch\.jit\.\w+` is deprecated"
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def to_torchscript(folded: Folded) -> bytes:
    """Trace a folded network; the same weights give the same bytes."""
    length = min(3, folded.eeg.context)
    example = example_input(folded.eeg.n_features, folded.eye.n_features, 2, length)
    folded.requires_grad_(False)

    # A function, its weights constants: the class names that torch gives to a traced module count
    # up with every trace of the process, and the same network would give other bytes.
    def run(eeg: Tensor, eye: Tensor, present: Tensor) -> Tensor:
        logits: Tensor = folded(eeg, eye, present)
        return logits

    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        # torch 2.13 calls TorchScript deprecated at every step; it is asked for, so it stays.
        warnings.filterwarnings("ignore", JIT_DEPRECATED, DeprecationWarning)
        traced = torch.jit.trace(run, example, check_trace=False)  # type: ignore[no-untyped-call]
        torch.jit.save(traced, buffer)
    return _without_debug_records(buffer.getvalue())


def _without_debug_records(archive: bytes) -> bytes:
    """The archive less what tells of the exporting program.

    Source paths and lines are in `.debug_pkl` records; torch's id of the archive hashes them too.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w") as new:
        for item in sorted(old.infolist(), key=lambda i: i.filename):
            if not item.filename.endswith((".debug_pkl", ".data/serialization_id")):
                new.writestr(zipfile.ZipInfo(item.filename, _ZIP_EPOCH), old.read(item))
    return out.getvalue()
