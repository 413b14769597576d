"""Does it pay to answer for all people in one call, although each has weights of their own?

    python benchmarks/batched_people.py

Three ways to answer for n people whose windows are there at the same moment: each person's ONNX
model by itself, as the service does; all in one, every layer a grouped matrix product over stacked
weights; and, as the most that batching could ever bring, one model for all in one call. Each is
timed hot and paced (one round per pause: caches are cold then, as they are in the service). The
stacked way is proved equal to the single one within 1e-6 of the largest logit first.
"""

import copy
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from table import Row, machine, markdown
from timing import in_turn
from torch import nn

from hadua.models.bundle import Bundle, demo_bundle_path, load_bundle
from hadua.models.export import load_network
from hadua.models.folded import FoldedSequence, fold
from hadua.models.network import HEADS
from hadua.models.onnx_runtime import OnnxRuntime
from hadua.models.personal import exported
from hadua.models.runtime import InputShape

F32 = npt.NDArray[np.float32]
PEOPLE = (8, 64, 256)
PAUSE_S = 0.05
Inputs = tuple[F32, F32, npt.NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Stacked:
    """The folded networks of several people, each layer's weights in one array `(n, in, out)`."""

    weights: Mapping[str, F32]
    n_layers: int

    @classmethod
    def of(cls, nets: list[FoldedSequence]) -> "Stacked":
        each = [_weights(net) for net in nets]
        stacked = {name: np.stack([weights[name] for weights in each]) for name in each[0]}
        return cls(stacked, len(nets[0].eeg.layers))

    def __call__(self, eeg: F32, eye: F32, present: npt.NDArray[np.bool_]) -> F32:
        """Logits `(n, n_classes)`, person by person."""
        w = self.weights
        a = self._tokens("eeg", eeg, present[..., 0:1])
        b = self._tokens("eye", eye, present[..., 1:2])
        eeg_seen = _attend(a[:, -1:] @ w["eeg_query"], a @ w["eeg_past"], w["eeg_age"])
        every = b @ w["eye_all"]
        query = every[:, -w["eye_age"].shape[2] :, :128]
        eye_seen = _attend(query, every[..., 128:], w["eye_age"])
        crossed = _attend(eeg_seen @ w["cross_query"], eye_seen @ w["cross_past"], w["cross_age"])
        seen = np.concatenate((eeg_seen, eye_seen[:, -1:], crossed), axis=-1)
        hidden = np.maximum(seen @ w["first"] + w["first.bias"], 0.0)
        return np.asarray((hidden @ w["last"] + w["last.bias"])[:, 0])

    def _tokens(self, side: str, x: F32, present: npt.NDArray[np.bool_]) -> F32:
        for k in range(0, self.n_layers, 2):
            x = x @ self.weights[f"{side}.{k}"] + self.weights[f"{side}.{k}.bias"]
            x = np.maximum(x, np.float32(0.01) * x)
        return np.where(present, x, self.weights[f"{side}.mask"])


def _weights(net: FoldedSequence) -> dict[str, F32]:
    """One network's arrays: matrices `(in, out)`, biases `(1, out)`, scores of age."""
    linear: dict[str, nn.Module] = {
        "eeg_query": net.eeg_query,
        "eeg_past": net.eeg_past,
        "eye_all": net.eye_all,
        "cross_query": net.cross_query,
        "cross_past": net.cross_past,
        "first": net.first,
        "last": net.last,
    }
    arrays: dict[str, F32] = {}
    for side, tokens in (("eeg", net.eeg), ("eye", net.eye)):
        linear |= {f"{side}.{k}": layer for k, layer in enumerate(tokens.layers)}
        arrays[f"{side}.mask"] = tokens.mask.detach().numpy()[None]
    for name, layer in linear.items():
        if isinstance(layer, nn.Linear):
            arrays[name] = layer.weight.detach().numpy().T
            if layer.bias is not None:
                arrays[f"{name}.bias"] = layer.bias.detach().numpy()[None]
    ages = {"eeg_age": net.eeg_age, "eye_age": net.eye_age, "cross_age": net.cross_age}
    return arrays | {name: age[0].numpy() for name, age in ages.items()}


def _attend(query: F32, past: F32, age: F32) -> F32:
    n, t = query.shape[:2]
    length = past.shape[1]
    q = query.reshape(n, t, HEADS, -1).transpose(0, 2, 1, 3)
    k = past[..., :128].reshape(n, length, HEADS, -1).transpose(0, 2, 3, 1)
    v = past[..., 128:].reshape(n, length, HEADS, -1).transpose(0, 2, 1, 3)
    scores = q @ k * np.float32(q.shape[-1] ** -0.5) + age[:, :, -t:, -length:]
    weight = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weight /= weight.sum(axis=-1, keepdims=True)
    return np.asarray((weight @ v).transpose(0, 2, 1, 3).reshape(n, t, -1))


def _people(bundle: Bundle, n: int) -> tuple[list[OnnxRuntime], Stacked]:
    """So many people's models: the bundle's network, each with a little noise of its own."""
    rng = np.random.default_rng(0)
    runtimes, nets, shipped = [], [], load_network(bundle)
    for _ in range(n):
        network = copy.deepcopy(shipped)
        for parameter in network.parameters():
            noise = rng.normal(0.0, 0.01, tuple(parameter.shape)).astype(np.float32)
            parameter.data += parameter.data.new_tensor(noise)
        folded = fold(network)
        if not isinstance(folded, FoldedSequence):
            raise SystemExit("the demo bundle has a context")
        nets.append(folded)
        runtimes.append(OnnxRuntime(bundle, device="cpu", model=exported(network)))
    return runtimes, Stacked.of(nets)


def _inputs(bundle: Bundle, n: int) -> Inputs:
    rng = np.random.default_rng(1)
    eeg, eye, present = InputShape.of(bundle).zeros(n, bundle.context)
    present = rng.random(present.shape) < 0.9
    draw = (rng.normal(size=x.shape).astype(np.float32) for x in (eeg, eye))
    eeg, eye = draw
    return eeg, eye, present


def _singly(runtimes: list[OnnxRuntime], inputs: Inputs) -> F32:
    eeg, eye, present = inputs
    at = [slice(k, k + 1) for k in range(len(runtimes))]
    return np.concatenate(
        [r.logits(eeg[k], eye[k], present[k]) for r, k in zip(runtimes, at, strict=True)]
    )


def rows() -> list[Row]:
    """A row for each number of people and way, hot and paced."""
    bundle = load_bundle(demo_bundle_path())
    out: list[Row] = []
    for n in PEOPLE:
        runtimes, stacked = _people(bundle, n)
        inputs = _inputs(bundle, n)
        singly, together = _singly(runtimes, inputs), stacked(*inputs)
        apart = float(np.abs(singly - together).max() / np.abs(singly).max())
        if apart > 1e-6:
            raise SystemExit(f"{n} people: stacked answers differ by {apart:.2g} of the largest")
        calls: dict[str, Callable[[], object]] = {
            "one by one": partial(_singly, runtimes, inputs),
            "stacked": partial(stacked, *inputs),
            "one model for all": partial(runtimes[0].logits, *inputs),
        }
        for pause_s in (0.0, PAUSE_S):
            rounds = max(20, 2000 // n) if not pause_s else 60
            took = in_turn(calls, rounds=rounds, pause_s=pause_s)
            for name, quantiles in took.items():
                out.append(
                    Row(
                        f"{n} people, {name}",
                        quantiles.p50 / n,
                        quantiles.p99 / n,
                        "us a person",
                        "one by one",
                        quantiles.p50 / took["one by one"].p50,
                        f"{'paced' if pause_s else 'hot'}; n = {quantiles.n}; "
                        f"answers apart by {apart:.1g} of the largest",
                    )
                )
    return out


def main() -> None:
    began_s = time.perf_counter()
    sys.stdout.write(markdown(rows(), machine()))
    sys.stdout.write(f"\n{time.perf_counter() - began_s:.0f} s\n")


if __name__ == "__main__":
    main()
