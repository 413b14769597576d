"""The network on a stream: each window is computed once, and its past is remembered.

Keys and values of a position never change, so a step encodes the newest window only, lets it look
at what is kept, and keeps its own keys and values for as many steps as the attention spans.
"""

import torch
from torch import Tensor

from hadua.models.errors import UsageError
from hadua.models.features import BoolArray
from hadua.models.folded import FoldedSequence, attend, fold
from hadua.models.network import ATTENTION_WIDTH, HaduaNetwork, spans
from hadua.models.runtime import Float32Array, InputShape


class NetworkStream:
    """Gives at every window what the network gives for the whole stream so far.

    The weights are copied: training the network on does not change the stream.

    Args:
        network: In evaluation mode.

    Raises:
        UsageError: The network is in training mode.
    """

    def __init__(self, network: HaduaNetwork) -> None:
        if network.training:
            raise UsageError(
                "stream of a network",
                got="a network in training mode",
                expected="one in evaluation mode",
                hint="Call network.eval() first.",
            )
        self._folded = fold(network)
        self._shape = InputShape(n_eeg=network.n_eeg, n_eye=network.n_eye, context=1)
        eye_span, cross_span = spans(network.context)
        self._eeg, self._eye = _Past(network.context), _Past(eye_span)
        self._cross = _Past(cross_span)

    def push(self, eeg: Float32Array, eye: Float32Array, present: BoolArray) -> Float32Array:
        """Take in the next window; logits `(n_classes,)` from it and those before it.

        Args:
            eeg: `(n_eeg,)` normalised features, zeros where they are missing.
            eye: `(n_eye,)` likewise.
            present: `(2,)`, whether EEG and eye were measured.

        Raises:
            InvalidInputError: A shape, type or value that does not fit; the window does not count.
        """
        window = eeg[None, None], eye[None, None], present[None, None]
        self._shape.require(*window)
        # Copies: torch warns of arrays that are read-only, and refuses negative strides.
        tensors = (torch.from_numpy(x.copy()) for x in window)
        with torch.no_grad():
            logits: Float32Array = self._step(*tensors)[0].numpy()
        return logits

    def reset(self) -> None:
        """Forget every window, as after a gap or before another person."""
        for past in (self._eeg, self._eye, self._cross):
            past.reset()

    def _step(self, eeg: Tensor, eye: Tensor, present: Tensor) -> Tensor:
        net = self._folded
        if not isinstance(net, FoldedSequence):
            return net.forward(eeg, eye, present)
        a, b = net.eeg(eeg, present[..., 0:1]), net.eye(eye, present[..., 1:2])
        eeg_seen = attend(net.eeg_query(a), self._eeg.keep(net.eeg_past(a)), net.eeg_age)
        query, past = net.eye_all(b).tensor_split((ATTENTION_WIDTH,), dim=-1)
        eye_seen = attend(query, self._eye.keep(past), net.eye_age)
        past = self._cross.keep(net.cross_past(eye_seen))
        crossed = attend(net.cross_query(eeg_seen), past, net.cross_age)
        return net.classify(eeg_seen, eye_seen, crossed)


class _Past:
    """Keys and values of the windows that an attention still sees, oldest first."""

    __slots__ = ("_kept", "_span")

    def __init__(self, span: int) -> None:
        self._span = span
        self._kept = _nothing()

    def keep(self, newest: Tensor) -> Tensor:
        """Take in those of the newest window, `(1, 1, 256)`; all that is seen, `(1, m, 256)`."""
        self._kept = torch.cat((self._kept, newest), dim=1)[:, -self._span :]
        return self._kept

    def reset(self) -> None:
        self._kept = _nothing()


def _nothing() -> Tensor:
    return torch.empty(1, 0, 2 * ATTENTION_WIDTH)
