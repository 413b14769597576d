"""A person's profile inside a recording: what answered, so that it can answer again.

Versions go: a person who is followed has a new one every few seconds, and the data folder keeps
twenty. So a recording carries what it needs, which is less than the profile: the network as the
runtime of the session runs it, and the normalisation. It is safetensors in a document; no pickle.
"""

from collections.abc import Mapping

import msgspec
import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from hadua.models.bundle import Bundle, Normalisation
from hadua.models.features import Modality
from hadua.models.onnx_guard import check_onnx
from hadua.models.runtime import DeviceName, Float32Array, RuntimeName
from hadua.service.recorded_bytes import as_text, damaged, from_text
from hadua.service.serving import Serving, personal_runtime

_MODEL, _WEIGHTS, _MEAN, _STD = "model", "weights/", "mean/", "std/"


class RecordedProfile(msgspec.Struct, frozen=True):
    """A document of the session stream; `event` is `profile`.

    Args:
        version: Of the profile.
        sha256: Of the data.
        data: Safetensors in base64: `mean/MODALITY`, `std/MODALITY`, and `model` (bytes of ONNX) or
            `weights/NAME` of the tensors that differ from the bundle's.
    """

    version: int
    sha256: str
    data: str

    @classmethod
    def of(cls, serving: Serving) -> "RecordedProfile":
        """What answers, for a recording."""
        arrays: dict[str, npt.NDArray[np.generic]] = {}
        for modality, own in serving.normalisation.items():
            arrays[_MEAN + modality], arrays[_STD + modality] = own.mean, own.std
        if serving.model and serving.runtime.name == "onnx":
            arrays[_MODEL] = np.frombuffer(serving.model, np.uint8)
        else:
            arrays |= {_WEIGHTS + name: values for name, values in serving.weights.items()}
        data = save_arrays({name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)})
        return cls(serving.version, *as_text(data))

    def serving(self, bundle: Bundle, *, name: RuntimeName, device: DeviceName) -> Serving:
        """It, loaded.

        Raises:
            RecordingError: damaged, or not of this bundle.
            BundleError: its network cannot be run.
        """
        where = f"profile {self.version} in the recording"
        arrays = self._arrays(where)
        normalisation = _normalisation(arrays, bundle, where)
        model = arrays.pop(_MODEL, np.zeros(0, np.uint8)).tobytes()
        weights: dict[str, Float32Array] = {
            key.removeprefix(_WEIGHTS): np.asarray(values, np.float32)
            for key, values in arrays.items()
        }
        if model:
            check_onnx(model, where=where)
        runtime = personal_runtime(bundle, model=model, weights=weights, name=name, device=device)
        return Serving(runtime, normalisation, self.version)

    def _arrays(self, where: str) -> dict[str, npt.NDArray[np.generic]]:
        data = from_text(self.data, sha256=self.sha256, where=where)
        try:
            return load_arrays(data)
        except (SafetensorError, ValueError) as error:
            raise damaged(where, got=str(error), expected="safetensors") from error


def _normalisation(
    arrays: dict[str, npt.NDArray[np.generic]], bundle: Bundle, where: str
) -> Mapping[Modality, Normalisation]:
    """Take the statistics out of the arrays."""
    found: dict[Modality, Normalisation] = {}
    for modality, spec in bundle.specs.items():
        mean, std = arrays.pop(_MEAN + modality, None), arrays.pop(_STD + modality, None)
        if mean is None and std is None:
            continue
        own = [np.asarray(values, np.float64) for values in (mean, std) if values is not None]
        shape = (len(spec.names),)
        if [values.shape for values in own] != [shape, shape] or not (
            np.isfinite(own).all() and (own[1] > 0.0).all()
        ):
            expected = f"{len(spec.names)} finite means and positive deviations"
            raise damaged(
                where, got=f"a normalisation of {modality} that is none", expected=expected
            )
        found[modality] = Normalisation(*own)
    other = [key for key in arrays if key != _MODEL and not key.startswith(_WEIGHTS)]
    if other:
        raise damaged(where, got=", ".join(other)[:100], expected="mean, std, model or weights")
    return found
