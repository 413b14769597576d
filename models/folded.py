"""The same network for serving only: everything that is linear after linear is one matrix.

BatchNorm goes into the layer before it, projections that follow each other are multiplied out in
float64, and only the newest window is asked for. This is what gets exported.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from hadua.models.network import ATTENTION_WIDTH, HaduaNetwork, TokenEncoder
from hadua.models.network import join_heads as _join
from hadua.models.network import split_heads as _split


def fold(network: HaduaNetwork) -> "Folded":
    """A module `(eeg, eye, present) -> logits` equal to the network in evaluation."""
    folded = FoldedSingle(network) if network.context == 1 else FoldedSequence(network)
    return folded.eval()


class FoldedTokens(nn.Module):
    """`TokenEncoder` with BatchNorm folded."""

    def __init__(self, encoder: TokenEncoder) -> None:
        super().__init__()
        self.n_features, self.context = encoder.n_features, encoder.context
        self.layers = _fold_batch_norm(encoder.layers)
        self.mask = nn.Parameter(encoder.mask_token.detach().clone())
        self.position = nn.Parameter(encoder.position.detach().clone())

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Tokens `(n, T, 64)` of features `(n, T, d)` with `present` `(n, T, 1)`."""
        encoded = self.layers(x) if self.n_features else self.mask
        tokens = torch.where(present, encoded, self.mask)
        if self.context == 1:
            return tokens
        return tokens + self.position[self.context - present.shape[1] :]


class FoldedSingle(nn.Module):
    """One window: a softmax over one key is 1, so attention is only its values."""

    def __init__(self, network: HaduaNetwork) -> None:
        super().__init__()
        first, self.last = _classifier(network)
        parts = torch.split(_weight(first), ATTENTION_WIDTH, dim=1)
        eeg, eye, cross = (
            part @ _weight(a.W_o) @ _weight(a.W_v)
            for part, a in zip(
                parts,
                (network.eeg_attention, network.eye_attention, network.cross_attention),
                strict=True,
            )
        )
        self.eeg, self.eye = FoldedTokens(network.eeg), FoldedTokens(network.eye)
        self.from_eeg = _linear(eeg, first.bias)
        self.from_eye = _linear(eye + cross)

    def forward(self, eeg: Tensor, eye: Tensor, present: Tensor) -> Tensor:
        """Logits `(n, n_classes)`."""
        hidden = self.from_eeg(self.eeg(eeg, present[..., 0:1]))
        hidden = hidden + self.from_eye(self.eye(eye, present[..., 1:2]))
        logits: Tensor = self.last(F.relu(hidden)).flatten(1)
        return logits


class FoldedSequence(nn.Module):
    """Several windows: the newest asks for the EEG and across; the eye keeps its whole past."""

    def __init__(self, network: HaduaNetwork) -> None:
        super().__init__()
        eeg, eye, cross = network.eeg_attention, network.eye_attention, network.cross_attention
        first, self.last = _classifier(network)
        parts = torch.split(_weight(first), ATTENTION_WIDTH, dim=1)
        own = [w @ _weight(a.W_o) for w, a in zip(parts, (eeg, eye, cross), strict=True)]
        self.eeg, self.eye = FoldedTokens(network.eeg), FoldedTokens(network.eye)
        self.eeg_query = _linear(_weight(eeg.W_q))
        self.eeg_past = _linear(torch.cat((_weight(eeg.W_k), _weight(eeg.W_v))))
        self.eye_all = _linear(torch.cat((_weight(eye.W_q), _weight(eye.W_k), _weight(eye.W_v))))
        self.cross_query = _linear(_weight(cross.W_q) @ _weight(eeg.W_o))
        asked = torch.cat((_weight(cross.W_k), _weight(cross.W_v)))
        self.cross_past = _linear(asked @ _weight(eye.W_o))
        self.first = _linear(torch.cat(own, dim=1), first.bias)

    def forward(self, eeg: Tensor, eye: Tensor, present: Tensor) -> Tensor:
        """Logits `(n, n_classes)`."""
        a, b = self.eeg(eeg, present[..., 0:1]), self.eye(eye, present[..., 1:2])
        key, value = self.eeg_past(a).chunk(2, dim=-1)
        eeg_seen = _attend(self.eeg_query(a[:, -1:]), key, value)
        query, key, value = self.eye_all(b).chunk(3, dim=-1)
        eye_seen = _attend(query, key, value, causal=True)
        key, value = self.cross_past(eye_seen).chunk(2, dim=-1)
        crossed = _attend(self.cross_query(eeg_seen), key, value)
        seen = torch.cat((eeg_seen, eye_seen[:, -1:], crossed), dim=-1).flatten(1)
        logits: Tensor = self.last(F.relu(self.first(seen)))
        return logits


Folded = FoldedSingle | FoldedSequence


def _attend(query: Tensor, key: Tensor, value: Tensor, *, causal: bool = False) -> Tensor:
    heads = F.scaled_dot_product_attention(
        _split(query), _split(key), _split(value), is_causal=causal
    )
    return _join(heads)


def _fold_batch_norm(layers: nn.Sequential) -> nn.Sequential:
    folded: list[nn.Module] = []
    for linear, norm in zip(list(layers)[0::3], list(layers)[1::3], strict=True):
        if not isinstance(linear, nn.Linear) or not isinstance(norm, nn.BatchNorm1d):
            raise TypeError(f"encoder of {linear!r}, {norm!r}: expected Linear and BatchNorm1d")
        if norm.running_mean is None or norm.running_var is None:
            raise TypeError(f"{norm!r}: expected running statistics")
        scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
        bias = (linear.bias.double() - norm.running_mean.double()) * scale + norm.bias.double()
        folded += [_linear(_weight(linear) * scale[:, None], bias), nn.LeakyReLU(0.01)]
    return nn.Sequential(*folded)


def _classifier(network: HaduaNetwork) -> tuple[nn.Linear, nn.Linear]:
    first, last = network.classifier[0], network.classifier[3]
    if not isinstance(first, nn.Linear) or not isinstance(last, nn.Linear):
        raise TypeError(f"classifier {network.classifier!r}: expected Linear at 0 and 3")
    return first, _linear(_weight(last), last.bias)


def _weight(linear: nn.Linear) -> Tensor:
    return linear.weight.detach().double().cpu()


def _linear(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    with torch.no_grad():
        linear.weight.copy_(weight)
        if bias is not None:
            linear.bias.copy_(bias)
    return linear
