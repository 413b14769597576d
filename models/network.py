"""HADUA's network: two encoders, attention over time and between modalities, a classifier.

Architecture and sizes as published (arXiv 2601.21488, section 3). The published network sees one
token per modality, so its softmax runs over a single key and its queries and keys are idle;
with a `context` of several windows attention is over time: each modality attends to its own past,
then the EEG asks what the eye made of its own. `context=1` is the published network, in which all
three attentions start from the encoders.

Every position looks back over a fixed span and knows its past by age alone. So a position's keys
and values never change once it has been seen, a sequence of any length gives at each position what
the last `context` windows alone would give there, and a stream can keep what it has computed.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from hadua.models.attending import attend
from hadua.models.errors import InvalidInputError

WIDTHS = (256, 128, 64)
ATTENTION_WIDTH = 128
HEADS = 16
FUSED_WIDTH = 3 * ATTENTION_WIDTH
HIDDEN_WIDTH = 32
DROPOUT = 0.5


class HaduaNetwork(nn.Module):
    """Logits of emotion classes from the last windows of EEG and eye features.

    Args:
        n_eeg: EEG features per window; 0 for a network without EEG.
        n_eye: Eye features per window; 0 for a network without eyes.
        n_classes: Number of classes.
        context: Number of windows, the newest included, that an answer depends on: 1, or 3 and
            more. With two, one of the attentions over time would see a single window.
    """

    def __init__(self, n_eeg: int, n_eye: int, n_classes: int, *, context: int = 1) -> None:
        super().__init__()
        _require_sizes(n_eeg, n_eye, n_classes, context)
        self.n_eeg, self.n_eye, self.n_classes, self.context = n_eeg, n_eye, n_classes, context
        eye_span, cross_span = spans(context)
        self.eeg, self.eye = TokenEncoder(n_eeg), TokenEncoder(n_eye)
        self.eeg_attention = Attention(WIDTHS[-1], span=context)
        self.eye_attention = Attention(WIDTHS[-1], span=eye_span)
        width = WIDTHS[-1] if context == 1 else ATTENTION_WIDTH
        self.cross_attention = Attention(width, span=cross_span)
        self.classifier = nn.Sequential(
            nn.Linear(FUSED_WIDTH, HIDDEN_WIDTH),
            nn.ReLU(),
            nn.Dropout(DROPOUT),
            nn.Linear(HIDDEN_WIDTH, n_classes),
        )

    def forward(self, eeg: Tensor, eye: Tensor, present: Tensor | None = None) -> Tensor:
        """Logits `(n, n_classes)` for the newest window.

        Args:
            eeg: `(n, T, n_eeg)` normalised features, oldest first; T may be anything from 1.
            eye: `(n, T, n_eye)` likewise.
            present: `(n, T, 2)` bool: were EEG and eye measured; None means always.
        """
        logits: Tensor = self.classifier(self.fuse(eeg, eye, present))
        return logits

    def logits_sequence(self, eeg: Tensor, eye: Tensor, present: Tensor | None = None) -> Tensor:
        """Logits `(n, T, n_classes)` of every position, each from itself and its past."""
        logits: Tensor = self.classifier(self.fuse_sequence(eeg, eye, present))
        return logits

    def fuse(self, eeg: Tensor, eye: Tensor, present: Tensor | None = None) -> Tensor:
        """Fused features `(n, 384)` of the newest window; arguments as for `forward`."""
        return self.fuse_sequence(eeg, eye, present)[:, -1]

    def fuse_sequence(self, eeg: Tensor, eye: Tensor, present: Tensor | None = None) -> Tensor:
        """Fused features `(n, T, 384)` of every position, each seeing only itself and the past."""
        if present is None:
            present = torch.ones((*eeg.shape[:2], 2), dtype=torch.bool, device=eeg.device)
        a, b = self.eeg(eeg, present[..., 0:1]), self.eye(eye, present[..., 1:2])
        own_a, own_b = self.eeg_attention(a, a), self.eye_attention(b, b)
        asking, asked = (a, b) if self.context == 1 else (own_a, own_b)
        return torch.cat((own_a, own_b, self.cross_attention(asking, asked)), dim=-1)


class TokenEncoder(nn.Module):
    """Features of each window to a token of width 64, or the mask token where there are none."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.n_features = n_features
        layers: list[nn.Module] = []
        for n_in, n_out in zip((n_features, *WIDTHS), WIDTHS if n_features else (), strict=False):
            layers += [nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.LeakyReLU(0.01)]
        self.layers = nn.Sequential(*layers)
        self.mask_token = nn.Parameter(torch.zeros(WIDTHS[-1]))
        nn.init.normal_(self.mask_token, std=0.02)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Tokens `(n, T, 64)` of features `(n, T, d)` with `present` `(n, T, 1)` bool."""
        if self.n_features:
            return torch.where(present, self._encode(x, present), self.mask_token)
        return self.mask_token.expand(*x.shape[:2], WIDTHS[-1])

    def _encode(self, x: Tensor, present: Tensor) -> Tensor:
        measured = present.squeeze(-1)
        if not self.training or (len(x) > 1 and bool(measured.all())):
            return torch.unflatten(self.layers(x.flatten(0, 1)), 0, x.shape[:2])
        # Absent rows must not count in BatchNorm's statistics: only the measured ones go in.
        rows = x[measured]
        tokens = x.new_zeros((*x.shape[:2], WIDTHS[-1]))
        if len(rows) > 1:
            tokens[measured] = self.layers(rows)
        elif len(rows) == 1:  # a single row has no statistics of its own
            tokens[measured] = _by_running_statistics(self.layers, rows)
        return tokens


class Attention(nn.Module):
    """Causal multi-head attention to 128 values, 16 heads, no biases, as published.

    Args:
        width: Width of the tokens.
        span: Windows that a position sees, itself included. Each head learns a preference for each
            age, added to the scores; a single window needs none.
    """

    def __init__(self, width: int, *, span: int) -> None:
        super().__init__()
        self.span = span
        self.W_q = nn.Linear(width, ATTENTION_WIDTH, bias=False)
        self.W_k = nn.Linear(width, ATTENTION_WIDTH, bias=False)
        self.W_v = nn.Linear(width, ATTENTION_WIDTH, bias=False)
        self.W_o = nn.Linear(ATTENTION_WIDTH, ATTENTION_WIDTH, bias=False)
        self.age = nn.Parameter(torch.zeros(HEADS, span if span > 1 else 0))

    def forward(self, asking: Tensor, asked: Tensor) -> Tensor:
        """`(n, T, 128)` from tokens `(n, T, width)` that ask over as many that are asked."""
        q, k = split_heads(self.W_q(asking)), split_heads(self.W_k(asked))
        v, scores = split_heads(self.W_v(asked)), self.scores_of_age(asking.shape[1])
        if self.training:
            heads = attend(q, k, v, scores, drop=DROPOUT)
        else:  # nn.MultiheadAttention would bake the example's batch and time into the export
            heads = F.scaled_dot_product_attention(q, k, v, attn_mask=scores)
        merged: Tensor = self.W_o(join_heads(heads))
        return merged

    def scores_of_age(self, length: int) -> Tensor:
        """`(16, T, T)` added to the scores: what age is worth, minus infinity outside the span."""
        position = torch.arange(length, device=self.age.device)
        age = position[:, None] - position
        seen = (age >= 0) & (age < self.span)
        if self.span == 1:
            return torch.zeros_like(age, dtype=self.age.dtype).masked_fill(~seen, -torch.inf)[None]
        return self.age[:, age.clamp(0, self.span - 1)].masked_fill(~seen, -torch.inf)


def spans(context: int) -> tuple[int, int]:
    """Windows that the eye's self-attention and the cross-attention see, `context` in a row."""
    eye = (context + 1) // 2
    return eye, context + 1 - eye


def split_heads(x: Tensor) -> Tensor:
    """`(n, T, 128)` to `(n, 16, T, 8)`."""
    return torch.unflatten(x, -1, (HEADS, ATTENTION_WIDTH // HEADS)).transpose(1, 2)


def join_heads(x: Tensor) -> Tensor:
    """`(n, 16, T, 8)` to `(n, T, 128)`."""
    return x.transpose(1, 2).flatten(2)


def _require_sizes(n_eeg: int, n_eye: int, n_classes: int, context: int) -> None:
    features = min(n_eeg, n_eye) >= 0 and n_eeg + n_eye > 0
    if features and n_classes >= 2 and context >= 1 and context != 2:
        return
    raise InvalidInputError(
        "network",
        got=f"n_eeg={n_eeg}, n_eye={n_eye}, n_classes={n_classes}, context={context}",
        expected="features of at least one modality, 2 or more classes, and a context of 1 (the "
        "published network) or of 3 and more",
    )


def _by_running_statistics(layers: nn.Sequential, x: Tensor) -> Tensor:
    for layer in layers:
        if isinstance(layer, nn.BatchNorm1d):
            mean, var = layer.running_mean, layer.running_var
            x = F.batch_norm(x, mean, var, layer.weight, layer.bias, eps=layer.eps)
        else:
            x = layer(x)
    return x
