"""HADUA's two discrepancies between source and target features, as pure functions.

Both measure, with one multi-kernel, how far apart two sets of fused features lie: `mmd` over all of
them, `cmmd` class by class, the target's classes being soft, weighted pseudo-labels. Definitions:
arXiv 2601.21488, section 3. Where the released code differs from its paper, the paper holds: a
class that one side lacks is left out, target probabilities carry no gradient, and there are no
hidden factors.

Both are quadratic forms u'Ku of the kernel matrix of all rows, u positive over the source and
negative over the target, so that one matrix serves them all.
"""

import torch
from torch import Tensor

from hadua.calibration.kernel_forms import quadratic_forms
from hadua.models.errors import InvalidInputError


def mmd(source: Tensor, target: Tensor, *, bandwidth: float | None = None) -> Tensor:
    """Squared maximum mean discrepancy (a biased V-statistic) of two sets of features.

    Args:
        source: `(n_source, d)`.
        target: `(n_target, d)`; the numbers may differ.
        bandwidth: Width bw of the narrowest kernel, the others being 2, 4, 8 and 16 times as wide;
            None for a quarter of the mean squared distance over all pairs of both sets. No gradient
            flows through it: it is a scale, as in the published code.

    Returns:
        A scalar, 0 for equal sets; memory grows with `(n_source + n_target)^2`, not with d.

    Raises:
        InvalidInputError: shapes that do not fit, or fewer than one row on a side.
    """
    _require_features(source, target)
    form = _difference_of_means(source, target)
    return quadratic_forms(source, target, form, bandwidth=bandwidth)[0]


def cmmd(
    source: Tensor,
    target: Tensor,
    source_labels: Tensor,
    target_probabilities: Tensor,
    weights: Tensor | None = None,
    *,
    bandwidth: float | None = None,
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
        bandwidth: As for `mmd`.

    Returns:
        A scalar; 0 if no class is on both sides.

    Raises:
        InvalidInputError: shapes that do not fit.
    """
    _require_features(source, target)
    _require_labels(source, target, source_labels, target_probabilities, weights)
    soft = soft_labels(target_probabilities, weights)
    forms, n_shared = _class_differences(source, target, source_labels, soft)
    return quadratic_forms(source, target, forms, bandwidth=bandwidth).sum() / n_shared


def discrepancies(
    source: Tensor,
    target: Tensor,
    source_labels: Tensor,
    target_probabilities: Tensor,
    weights: Tensor | None = None,
    *,
    bandwidth: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Both `mmd` and `cmmd` of the same rows from one kernel matrix; arguments as for `cmmd`."""
    _require_features(source, target)
    _require_labels(source, target, source_labels, target_probabilities, weights)
    soft = soft_labels(target_probabilities, weights)
    by_class, n_shared = _class_differences(source, target, source_labels, soft)
    forms = torch.cat((_difference_of_means(source, target), by_class), dim=1)
    values = quadratic_forms(source, target, forms, bandwidth=bandwidth)
    return values[0], values[1:].sum() / n_shared


def soft_labels(probabilities: Tensor, weights: Tensor | None) -> Tensor:
    """Pseudo-labels `(n, n_classes)` times their weights `(n,)`, out of any gradient's reach."""
    soft = probabilities.detach()
    return soft if weights is None else soft * weights.detach()[:, None]


def normalised(columns: Tensor) -> tuple[Tensor, Tensor]:
    """Each column divided by its sum, and which columns have one."""
    total = columns.sum(0)
    there = total > 0
    return columns / torch.where(there, total, 1.0), there


def _difference_of_means(source: Tensor, target: Tensor) -> Tensor:
    n, m = len(source), len(target)
    return torch.cat((source.new_full((n, 1), 1.0 / n), source.new_full((m, 1), -1.0 / m)))


def _class_differences(
    source: Tensor, target: Tensor, source_labels: Tensor, soft: Tensor
) -> tuple[Tensor, Tensor]:
    """A form for every class, 0 where a side lacks it; and how many are left (1 if none)."""
    a, has_source = normalised(source_labels.detach().to(source.dtype))
    b, has_target = normalised(soft.to(target.dtype))
    both = has_source & has_target
    return torch.cat((a, -b)) * both, both.sum().clamp_min(1)


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
