"""HADUA's network: two encoders, attention over time and between modalities, a classifier.

Architecture and sizes as published (arXiv 2601.21488, section 3). The published network sees one
token per modality, so its softmax runs over a single key and its queries and keys are idle;
with `context` > 1 the tokens are the last T windows and attention is over time: each modality
attends to its own past, then the EEG asks what the eye made of its own. `context=1` is the
published network, in which all three attentions start from the encoders.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

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
        context: Greatest number of windows it looks at, T.
    """

    def __init__(self, n_eeg: int, n_eye: int, n_classes: int, *, context: int = 1) -> None:
        super().__init__()
        if min(n_eeg, n_eye) < 0 or n_eeg + n_eye == 0 or n_classes < 2 or context < 1:
            raise InvalidInputError(
                "network",
                got=f"n_eeg={n_eeg}, n_eye={n_eye}, n_classes={n_classes}, context={context}",
                expected="features of at least one modality, 2 or more classes, context 1 or more",
            )
        self.n_eeg, self.n_eye, self.n_classes, self.context = n_eeg, n_eye, n_classes, context
        self.eeg = TokenEncoder(n_eeg, context=context)
        self.eye = TokenEncoder(n_eye, context=context)
        self.eeg_attention = Attention(WIDTHS[-1])
        self.eye_attention = Attention(WIDTHS[-1])
        self.cross_attention = Attention(WIDTHS[-1] if context == 1 else ATTENTION_WIDTH)
        self.classifier = nn.Sequential(
            nn.Linear(FUSED_WIDTH, HIDDEN_WIDTH),
            nn.ReLU(),
            nn.Dropout(DROPOUT),
            nn.Linear(HIDDEN_WIDTH, n_classes),
        )

    def forward(self, eeg: Tensor, eye: Tensor, present: Tensor | None = None) -> Tensor:
        """Logits `(n, n_classes)` for the newest window.

        Args:
            eeg: `(n, T, n_eeg)` normalised features, oldest first, 1 <= T <= context.
            eye: `(n, T, n_eye)` likewise.
            present: `(n, T, 2)` bool: were EEG and eye measured; None means always.
        """
        logits: Tensor = self.classifier(self.fuse(eeg, eye, present))
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

    def __init__(self, n_features: int, *, context: int) -> None:
        super().__init__()
        self.n_features = n_features
        self.context = context
        layers: list[nn.Module] = []
        for n_in, n_out in zip((n_features, *WIDTHS), WIDTHS if n_features else (), strict=False):
            layers += [nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.LeakyReLU(0.01)]
        self.layers = nn.Sequential(*layers)
        self.mask_token = nn.Parameter(torch.zeros(WIDTHS[-1]))
        # One row per age, the newest last; the published network has a single position and none.
        rows = context if context > 1 else 0
        self.position = nn.Parameter(torch.zeros(rows, WIDTHS[-1]))
        nn.init.normal_(self.mask_token, std=0.02)
        nn.init.normal_(self.position, std=0.02)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Tokens `(n, T, 64)` of features `(n, T, d)` with `present` `(n, T, 1)` bool."""
        if self.n_features:
            tokens = torch.where(present, self._encode(x, present), self.mask_token)
        else:
            tokens = self.mask_token.expand(*x.shape[:2], WIDTHS[-1])
        if self.context > 1:
            tokens = tokens + self.position[self.context - x.shape[1] :]
        return tokens

    def _encode(self, x: Tensor, present: Tensor) -> Tensor:
        if not self.training:
            return torch.unflatten(self.layers(x.flatten(0, 1)), 0, x.shape[:2])
        # Absent rows must not count in BatchNorm's statistics: only the measured ones go in.
        measured = present.squeeze(-1)
        rows = x[measured]
        tokens = x.new_zeros((*x.shape[:2], WIDTHS[-1]))
        if len(rows) > 1:
            tokens[measured] = self.layers(rows)
        elif len(rows) == 1:  # a single row has no statistics of its own
            tokens[measured] = _by_running_statistics(self.layers, rows)
        return tokens


class Attention(nn.Module):
    """Causal multi-head attention to 128 values, 16 heads, no biases, as published."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.W_q = nn.Linear(width, ATTENTION_WIDTH, bias=False)
        self.W_k = nn.Linear(width, ATTENTION_WIDTH, bias=False)
        self.W_v = nn.Linear(width, ATTENTION_WIDTH, bias=False)
        self.W_o = nn.Linear(ATTENTION_WIDTH, ATTENTION_WIDTH, bias=False)

    def forward(self, asking: Tensor, asked: Tensor) -> Tensor:
        """`(n, T, 128)` from tokens `(n, T, width)` that ask over as many that are asked."""
        # nn.MultiheadAttention would bake the batch and time of the example into the export.
        heads = F.scaled_dot_product_attention(
            split_heads(self.W_q(asking)),
            split_heads(self.W_k(asked)),
            split_heads(self.W_v(asked)),
            dropout_p=DROPOUT if self.training else 0.0,
            is_causal=True,
        )
        merged: Tensor = self.W_o(join_heads(heads))
        return merged


def split_heads(x: Tensor) -> Tensor:
    """`(n, T, 128)` to `(n, 16, T, 8)`."""
    return torch.unflatten(x, -1, (HEADS, ATTENTION_WIDTH // HEADS)).transpose(1, 2)


def join_heads(x: Tensor) -> Tensor:
    """`(n, 16, T, 8)` to `(n, T, 128)`."""
    return x.transpose(1, 2).flatten(2)


def _by_running_statistics(layers: nn.Sequential, x: Tensor) -> Tensor:
    for layer in layers:
        if isinstance(layer, nn.BatchNorm1d):
            mean, var = layer.running_mean, layer.running_var
            x = F.batch_norm(x, mean, var, layer.weight, layer.bias, eps=layer.eps)
        else:
            x = layer(x)
    return x
