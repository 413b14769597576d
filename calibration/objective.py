"""HADUA's two discrepancies between source and target features, as pure functions.

Both measure, with one multi-kernel, how far apart two sets of fused features lie: `mmd` over all of
them, `cmmd` class by class, the target's classes being soft, weighted pseudo-labels. Definitions:
arXiv 2601.21488, section 3. Where the released code differs from its paper, the paper holds: a
class that one side lacks is left out, target probabilities carry no gradient, and there are no
hidden factors.
"""

import torch
from torch import Tensor

from hadua.models.errors import InvalidInputError

N_KERNELS = 5


def mmd(source: Tensor, target: Tensor) -> Tensor:
    """Squared maximum mean discrepancy (a biased V-statistic) of two sets of features.

    Args:
        source: `(n_source, d)`.
        target: `(n_target, d)`; the numbers may differ.

    Returns:
        A scalar, 0 for equal sets; memory grows with `(n_source + n_target)^2`, not with d.

    Raises:
        InvalidInputError: shapes that do not fit, or fewer than one row on a side.
    """
    ss, tt, st = _kernels(source, target)
    return ss.mean() + tt.mean() - 2.0 * st.mean()


def cmmd(
    source: Tensor,
    target: Tensor,
    source_labels: Tensor,
    target_probabilities: Tensor,
    weights: Tensor | None = None,
) -> Tensor:
    """Class-conditional discrepancy, the mean over the classes that both sides have.

    With a the source rows of class c and b the target's probabilities of c times their weights,
    each divided by its own sum, a class contributes `a'K_ss a + b'K_tt b - 2 a'K_st b`.

    Args:
        source: `(n_source, d)`.
        target: `(n_target, d)`.
        source_labels: `(n_source, n_classes)`, one-hot or soft.
        target_probabilities: `(n_target, n_classes)`; no gradient flows into them, which would be a
            way for pseudo-labels to collapse.
        weights: `(n_target,)` confidence of each pseudo-label, or None for 1 throughout.

    Returns:
        A scalar; 0 if no class is on both sides.

    Raises:
        InvalidInputError: shapes that do not fit.
    """
    _require_labels(source, target, source_labels, target_probabilities, weights)
    soft = target_probabilities.detach()
    if weights is not None:
        soft = soft * weights.detach()[:, None]
    ss, tt, st = _kernels(source, target)
    a, has_source = _normalised(source_labels.to(source.dtype))
    b, has_target = _normalised(soft.to(target.dtype))
    within_source = ((ss @ a) * a).sum(0)
    within_target = ((tt @ b) * b).sum(0)
    across = ((st @ b) * a).sum(0)
    both = has_source & has_target
    per_class = torch.where(both, within_source + within_target - 2.0 * across, 0.0)
    return per_class.sum() / both.sum().clamp_min(1)


def _normalised(columns: Tensor) -> tuple[Tensor, Tensor]:
    """Each column divided by its sum, and which columns have one."""
    total = columns.sum(0)
    there = total > 0
    return columns / torch.where(there, total, 1.0), there


def _kernels(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Blocks K_ss, K_tt, K_st of the sum of Gaussian kernels of widths bw, 2 bw, ... 16 bw.

    The bandwidth bw is a quarter of the mean squared distance over all pairs of both sets. No
    gradient flows through it: it is a scale, as in the published code.
    """
    _require_features(source, target)
    rows = torch.cat((source, target))
    # Distances do not change with the origin, and their rounding errors are least around the mean.
    rows = rows - rows.detach().mean(0)
    squared = (rows * rows).sum(1)
    distance = (squared[:, None] + squared - 2.0 * (rows @ rows.T)).clamp_min(0.0)
    n = rows.shape[0]
    bandwidth = distance.detach().sum() / (n * n - n) / 4.0
    # All rows alike: every kernel is 1, whatever its width.
    bandwidth = torch.where(bandwidth > 0, bandwidth, 1.0)
    kernel = torch.zeros_like(distance)
    for i in range(N_KERNELS):
        kernel = kernel + torch.exp(distance / (-bandwidth * 2.0**i))
    k = source.shape[0]
    return kernel[:k, :k], kernel[k:, k:], kernel[:k, k:]


def _require_features(source: Tensor, target: Tensor) -> None:
    if source.ndim != 2 or target.ndim != 2 or source.shape[1:] != target.shape[1:]:
        got, expected = f"{tuple(source.shape)} and {tuple(target.shape)}", "(n, d) and (m, d)"
    elif not (source.shape[0] and target.shape[0]):
        got, expected = f"{source.shape[0]} and {target.shape[0]} rows", "at least one on each side"
    else:
        return
    raise InvalidInputError("source and target features", got=got, expected=expected)


def _require_labels(
    source: Tensor,
    target: Tensor,
    source_labels: Tensor,
    target_probabilities: Tensor,
    weights: Tensor | None,
) -> None:
    n, m = source.shape[0], target.shape[0]
    fits = (
        source_labels.ndim == target_probabilities.ndim == 2
        and source_labels.shape[0] == n
        and target_probabilities.shape == (m, source_labels.shape[1])
        and (weights is None or weights.shape == (m,))
    )
    if not fits:
        weighted = "none" if weights is None else str(tuple(weights.shape))
        raise InvalidInputError(
            "class-conditional discrepancy",
            got=f"labels {tuple(source_labels.shape)}, probabilities "
            f"{tuple(target_probabilities.shape)}, weights {weighted}",
            expected=f"({n}, n_classes), ({m}, n_classes) and ({m},)",
        )
