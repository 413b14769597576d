"""BatchNorm's means and variances, taken from a person instead of from the source."""

import torch
from torch import Tensor, nn

from hadua.calibration.windows import Windows
from hadua.models.network import HaduaNetwork, TokenEncoder


def adopt_statistics(
    network: HaduaNetwork, source: HaduaNetwork, windows: Windows, *, prior_windows: float
) -> None:
    """Set every BatchNorm of both encoders to the statistics of all measured windows.

    Layer after layer, each from what the layers before it, already set, make of the windows:
    AdaBN (Li et al. 2016, arXiv 1603.04779, algorithm 1). Where few windows have been seen, `N`
    windows of the source count beside the `n` of the person, as in Schneider et al. 2020 (arXiv
    2006.16971, equation 1): `N / (N + n)` of the source's mean and variance, the rest the
    person's. A modality with a single window keeps the source's, for one row has no variance.

    Args:
        network: To be changed, and left in evaluation mode.
        source: Whose statistics the prior is; not changed.
        windows: Standardised as the network expects them.
        prior_windows: N; 0 as published in AdaBN.
    """
    network.eval()
    inputs = ((network.eeg, source.eeg, windows.x_eeg), (network.eye, source.eye, windows.x_eye))
    with torch.no_grad():
        for k, (encoder, of_source, x) in enumerate(inputs):
            rows = torch.from_numpy(x[windows.present[:, k]])
            if encoder.n_features and len(rows) > 1:
                _adopt(encoder, of_source, rows, prior_windows)


def _adopt(encoder: TokenEncoder, source: TokenEncoder, x: Tensor, prior_windows: float) -> None:
    share = len(x) / (len(x) + prior_windows)
    for layer, of_source in zip(encoder.layers, source.layers, strict=True):
        if isinstance(layer, nn.BatchNorm1d) and isinstance(of_source, nn.BatchNorm1d):
            _blend(layer.running_mean, of_source.running_mean, x.mean(0), share)
            _blend(layer.running_var, of_source.running_var, x.var(0, unbiased=False), share)
        x = layer(x)


def _blend(running: Tensor | None, source: Tensor | None, own: Tensor, share: float) -> None:
    if running is not None and source is not None:
        running.copy_((1.0 - share) * source + share * own)
