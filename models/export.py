"""From a trained network to a bundle, and from a bundle's weights back to a network.

The bundle holds the same function three times: safetensors to learn on from, ONNX and TorchScript
to serve. Nothing is written before all three have been run and agree.
"""

import io
import warnings
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from hadua.models.bundle import Bundle, write_bundle
from hadua.models.check_set import CheckSet
from hadua.models.errors import BundleError
from hadua.models.features import Modality
from hadua.models.folded import fold
from hadua.models.manifest import (
    CARD,
    CHECK_SET,
    EMBEDDINGS,
    ONNX,
    TORCHSCRIPT,
    WEIGHTS,
    Description,
)
from hadua.models.network import HaduaNetwork
from hadua.models.onnx_graph import to_onnx
from hadua.models.onnx_library import onnxruntime
from hadua.models.parity import require_parity
from hadua.models.runtime import Float32Array
from hadua.models.source_statistics import SourceStatistics
from hadua.models.torchscript_file import JIT_DEPRECATED, to_torchscript


def export_bundle(
    network: HaduaNetwork,
    *,
    path: Path,
    description: Description,
    card: str,
    source_statistics: SourceStatistics | None = None,
    check_set: CheckSet | None = None,
    replace: bool = False,
) -> Bundle:
    """Write a network as a bundle; the same arguments give the same bytes.

    Args:
        network: Trained; it is not changed.
        path: Folder of the bundle.
        description: The manifest but for its files.
        card: The model card, Markdown.
        source_statistics: What adaptation can use in place of source windows, of this network.
        check_set: Labelled windows to notice a network that breaks, where the licence allows.
        replace: Whether to write into a folder that is there already.

    Raises:
        BundleError: Network and description disagree, a weight is not finite, or an export does
            not equal the network; nothing is written then.
    """
    _require_agreement(network, description)
    weights = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
    _require_finite(weights)
    eager = _copy(network, weights)
    folded = fold(eager)
    onnx_bytes, script_bytes = to_onnx(folded), to_torchscript(folded)
    _require_parity(eager, onnx_bytes=onnx_bytes, script_bytes=script_bytes)
    contents = {
        WEIGHTS: save_safetensors(weights),
        ONNX: onnx_bytes,
        TORCHSCRIPT: script_bytes,
        CARD: card.encode("utf-8"),
    }
    if source_statistics is not None:
        contents[EMBEDDINGS] = source_statistics.to_bytes()
    if check_set is not None:
        contents[CHECK_SET] = check_set.to_bytes()
    return write_bundle(path, description=description, contents=contents, replace=replace)


def load_network(bundle: Bundle) -> HaduaNetwork:
    """The bundle's network as it was trained, in evaluation mode, to learn on from.

    Raises:
        BundleError: The weights are not those of the network that the manifest describes.
    """
    n_eeg, n_eye = bundle.width(Modality.EEG), bundle.width(Modality.EYE)
    network = HaduaNetwork(n_eeg, n_eye, len(bundle.classes), context=bundle.context)
    try:
        network.load_state_dict(load_safetensors(bundle.read(WEIGHTS)))
    except (RuntimeError, SafetensorError) as error:
        raise BundleError(
            f"bundle {str(bundle.path)!r}: {WEIGHTS!r} does not fit the manifest",
            got=" ".join(str(error).split())[:300],
            expected=f"n_eeg={n_eeg}, n_eye={n_eye}, {len(bundle.classes)} classes, "
            f"context={bundle.context}",
            hint="Its ONNX and TorchScript still serve. To learn on, train it again.",
        ) from error
    return network.eval()


def _copy(network: HaduaNetwork, weights: dict[str, Tensor]) -> HaduaNetwork:
    copy = HaduaNetwork(network.n_eeg, network.n_eye, network.n_classes, context=network.context)
    copy.load_state_dict(weights)
    return copy.eval()


def _require_agreement(network: HaduaNetwork, description: Description) -> None:
    got = (network.n_eeg, network.n_eye, network.n_classes, network.context)
    widths = description.width(Modality.EEG), description.width(Modality.EYE)
    expected = (*widths, len(description.classes), description.context)
    if got != expected:
        raise BundleError(
            "network and manifest disagree on (n_eeg, n_eye, n_classes, context)",
            got=f"a network of {got}",
            expected=f"{expected}",
        )


def _require_finite(weights: dict[str, Tensor]) -> None:
    for name, value in weights.items():
        if not torch.isfinite(value).all():
            raise BundleError(
                f"network to export: weight {name!r} holds a value that is not finite",
                hint="The training that produced it has diverged.",
            )


def _require_parity(eager: HaduaNetwork, *, onnx_bytes: bytes, script_bytes: bytes) -> None:
    session = onnxruntime().InferenceSession(onnx_bytes, providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", JIT_DEPRECATED, DeprecationWarning)
        script = torch.jit.load(io.BytesIO(script_bytes))  # type: ignore[no-untyped-call]

    def scripted(eeg: Tensor, eye: Tensor, present: Tensor) -> Float32Array:
        with torch.no_grad():
            logits: Float32Array = script(eeg, eye, present).numpy()
        return logits

    def ran(eeg: Tensor, eye: Tensor, present: Tensor) -> Float32Array:
        given = {"eeg": eeg.numpy(), "eye": eye.numpy(), "present": present.numpy()}
        logits: Float32Array = session.run(["logits"], {name: given[name] for name in names})[0]
        return logits

    require_parity(eager, scripted, what="TorchScript")
    require_parity(eager, ran, what="ONNX")
