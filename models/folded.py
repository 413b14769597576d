"""The same network for serving only: everything that is linear after linear is one matrix.

BatchNorm goes into the layer before it, projections that follow each other are multiplied out in
float64, the scores of age are looked up beforehand, and only the newest window is asked for. This
is what gets exported.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from hadua.models.network import ATTENTION_WIDTH, Attention, HaduaNetwork, TokenEncoder
from hadua.models.network import join_heads as _join
from hadua.models.network import split_heads as _split


def fold(network: HaduaNetwork) -> "Folded":
    """A module `(eeg, eye, present) -> logits` equal to the network in evaluation."""
    folded = FoldedSingle(network) if network.context == 1 else FoldedSequence(network)
    return folded.eval()


class FoldedTokens(nn.Module):
    """`TokenEncoder` with BatchNorm folded, for the newest `context` windows."""

    def __init__(self, encoder: TokenEncoder, *, context: int) -> None:
        super().__init__()
        self.n_features, self.context = encoder.n_features, context
        self.layers = _fold_batch_norm(encoder.layers)
        self.mask = nn.Parameter(encoder.mask_token.detach().cpu().clone())

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Tokens `(n, min(T, context), 64)` of `(n, T, d)` with `present` `(n, T, 1)`."""
        encoded = self.layers(x[:, -self.context :]) if self.n_features else self.mask
        return torch.where(present[:, -self.context :], encoded, self.mask)


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
        self.eeg = FoldedTokens(network.eeg, context=network.context)
        self.eye = FoldedTokens(network.eye, context=network.context)
        self.from_eeg = _linear(eeg, first.bias)
        self.from_eye = _linear(eye + cross)

    def forward(self, eeg: Tensor, eye: Tensor, present: Tensor) -> Tensor:
        """Logits `(n, n_classes)`."""
        hidden = self.from_eeg(self.eeg(eeg, present[..., 0:1]))
        hidden = hidden + self.from_eye(self.eye(eye, present[..., 1:2]))
        logits: Tensor = self.last(F.relu(hidden)).flatten(1)
        return logits


class FoldedSequence(nn.Module):
    """Several windows: no more of each attention than the newest window's answer takes."""

    eeg_age: Tensor
    eye_age: Tensor
    cross_age: Tensor

    def __init__(self, network: HaduaNetwork) -> None:
        super().__init__()
        eeg, eye, cross = network.eeg_attention, network.eye_attention, network.cross_attention
        first, self.last = _classifier(network)
        parts = torch.split(_weight(first), ATTENTION_WIDTH, dim=1)
        own = [w @ _weight(a.W_o) for w, a in zip(parts, (eeg, eye, cross), strict=True)]
        self.eeg = FoldedTokens(network.eeg, context=network.context)
        self.eye = FoldedTokens(network.eye, context=network.context)
        self.eeg_query = _linear(_weight(eeg.W_q))
        self.eeg_past = _linear(torch.cat((_weight(eeg.W_k), _weight(eeg.W_v))))
        self.eye_all = _linear(torch.cat((_weight(eye.W_q), _weight(eye.W_k), _weight(eye.W_v))))
        self.cross_query = _linear(_weight(cross.W_q) @ _weight(eeg.W_o))
        asked = torch.cat((_weight(cross.W_k), _weight(cross.W_v)))
        self.cross_past = _linear(asked @ _weight(eye.W_o))
        self.first = _linear(torch.cat(own, dim=1), first.bias)
        self.register_buffer("eeg_age", _age(eeg, asking=1, asked=eeg.span))
        self.register_buffer("eye_age", _age(eye, asking=cross.span, asked=eeg.span))
        self.register_buffer("cross_age", _age(cross, asking=1, asked=cross.span))

    def forward(self, eeg: Tensor, eye: Tensor, present: Tensor) -> Tensor:
        """Logits `(n, n_classes)`."""
        a, b = self.eeg(eeg, present[..., 0:1]), self.eye(eye, present[..., 1:2])
        eeg_seen = attend(self.eeg_query(a[:, -1:]), self.eeg_past(a), self.eeg_age)
        query, past = self.eye_all(b).tensor_split((ATTENTION_WIDTH,), dim=-1)
        eye_seen = attend(query[:, -self.eye_age.shape[2] :], past, self.eye_age)
        crossed = attend(self.cross_query(eeg_seen), self.cross_past(eye_seen), self.cross_age)
        return self.classify(eeg_seen, eye_seen[:, -1:], crossed)

    def classify(self, eeg_seen: Tensor, eye_seen: Tensor, crossed: Tensor) -> Tensor:
        """Logits `(n, n_classes)` of what each attention saw, `(n, 1, 128)`."""
        seen = torch.cat((eeg_seen, eye_seen, crossed), dim=-1).flatten(1)
        logits: Tensor = self.last(F.relu(self.first(seen)))
        return logits


Folded = FoldedSingle | FoldedSequence


def attend(query: Tensor, past: Tensor, age: Tensor) -> Tensor:
    """What queries see of the past, `(n, t, 128)`.

    Args:
        query: `(n, t, 128)`, of the newest t windows.
        past: `(n, T, 256)`, keys and values of the newest T.
        age: `(1, 16, >= t, >= T)` scores, the newest window last.
    """
    key, value = past.chunk(2, dim=-1)
    scores = age[:, :, -query.shape[1] :, -past.shape[1] :]
    heads = F.scaled_dot_product_attention(
        _split(query), _split(key), _split(value), attn_mask=scores
    )
    return _join(heads)


def _age(attention: Attention, *, asking: int, asked: int) -> Tensor:
    return attention.scores_of_age(asked).detach().cpu()[None, :, -asking:]


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
