"""How far to trust a pseudo-label, and how to keep one class from swallowing the others.

Gaussian weighting (arXiv 2601.21488, equations 8 and 12) and uniform alignment (16 and 17). The
state is three moving averages over the batches seen; `update` alone changes it, asking never does.
The published settings are the defaults; `n_sigma` is SoftMatch's (2 there, 1 in HADUA).
"""

import math

import torch
from torch import Tensor

from hadua.models.errors import InvalidInputError


class PseudoLabelWeighting:
    """Weights and aligns the pseudo-labels of a target.

    Args:
        n_classes: Number of classes C.
        momentum: Share of the old averages that an update keeps.
        n_sigma: The deviation is divided by it: more than 1 is stricter.
        min_sigma: Floor of the standard deviation; 0 as published.
        ratio_bounds: Bounds of q / p_bar in `align`; none as published.
        alpha_max: Greatest share of the uniform distribution in q.
        alpha_midpoint: Epoch at which alpha is half of that.
        alpha_slope: Epochs over which alpha falls.
        temperature: Exponent tau of q / p_bar.
    """

    def __init__(
        self,
        n_classes: int,
        momentum: float = 0.999,
        *,
        n_sigma: float = 1.0,
        min_sigma: float = 0.0,
        ratio_bounds: tuple[float, float] | None = None,
        alpha_max: float = 0.3,
        alpha_midpoint: float = 20.0,
        alpha_slope: float = 6.0,
        temperature: float = 1.0,
    ) -> None:
        if n_classes < 2 or not 0.0 <= momentum < 1.0 or n_sigma <= 0.0 or min_sigma < 0.0:
            raise InvalidInputError(
                "pseudo-label weighting",
                got=f"n_classes={n_classes}, momentum={momentum}, n_sigma={n_sigma}, "
                f"min_sigma={min_sigma}",
                expected="2 or more classes, 0 <= momentum < 1, n_sigma > 0, min_sigma >= 0",
            )
        self._n_classes = n_classes
        self._momentum = momentum
        self._n_sigma, self._min_sigma = n_sigma, min_sigma
        self._ratio_bounds = ratio_bounds
        self._alpha_max, self._alpha_midpoint = alpha_max, alpha_midpoint
        self._alpha_slope, self._temperature = alpha_slope, temperature
        self.mean = 1.0 / n_classes
        self.variance = 1.0
        self.class_distribution = torch.full((n_classes,), 1.0 / n_classes, dtype=torch.float64)

    def update(self, probabilities: Tensor) -> None:
        """Take a batch `(n, C)` into the averages.

        A batch of one has no variance: it moves the two means and leaves the variance as it is (the
        published code lets it decay to 0, a hard threshold). An empty batch changes nothing.
        """
        p = self._checked(probabilities)
        if not p.shape[0]:
            return
        confidence = p.max(dim=1).values
        self.mean = self._blend(self.mean, float(confidence.mean()))
        if p.shape[0] > 1:
            self.variance = self._blend(self.variance, float(confidence.var(unbiased=True)))
        keep = self._momentum
        self.class_distribution = keep * self.class_distribution + (1.0 - keep) * p.mean(0)

    def weights(self, probabilities: Tensor) -> Tensor:
        """Trust in each pseudo-label `(n,)`: 1 from the mean confidence up, a Gaussian below it."""
        confidence = self._checked(probabilities).max(dim=1).values
        sigma = max(math.sqrt(self.variance), self._min_sigma) / self._n_sigma
        below = (confidence - self.mean).clamp_max(0.0)
        if sigma == 0.0:
            return (below == 0.0).to(probabilities.dtype)
        return torch.exp(-(below**2) / (2.0 * sigma**2)).to(probabilities.dtype)

    def alpha(self, epoch: float) -> float:
        """Share of the uniform distribution in the target of `align` at an epoch."""
        return self._alpha_max / (
            1.0 + math.exp((epoch - self._alpha_midpoint) / self._alpha_slope)
        )

    def align(self, probabilities: Tensor, epoch: float) -> Tensor:
        """Pseudo-labels `(n, C)` moved toward q = alpha u + (1 - alpha) p_bar; rows sum to 1."""
        p, p_bar, alpha = self._checked(probabilities), self.class_distribution, self.alpha(epoch)
        q = alpha / self._n_classes + (1.0 - alpha) * p_bar
        ratio = q / p_bar.clamp_min(torch.finfo(p_bar.dtype).tiny)
        if self._ratio_bounds is not None:
            ratio = ratio.clamp(*self._ratio_bounds)
        refined = p * ratio**self._temperature
        return (refined / refined.sum(1, keepdim=True)).to(probabilities.dtype)

    def _blend(self, old: float, new: float) -> float:
        return self._momentum * old + (1.0 - self._momentum) * new

    def _checked(self, probabilities: Tensor) -> Tensor:
        p = probabilities.detach().to(torch.float64)
        if p.ndim != 2 or p.shape[1] != self._n_classes:
            raise InvalidInputError(
                "pseudo-labels",
                got=f"shape {tuple(p.shape)}",
                expected=f"(n, {self._n_classes})",
            )
        total = p.sum(1)
        if not bool(((p >= 0.0) & torch.isfinite(p)).all()) or bool(
            ((total - 1.0).abs() > 1e-3).any()
        ):
            raise InvalidInputError(
                "pseudo-labels",
                got="a row that is no distribution",
                expected="finite, not negative, each row summing to 1",
                hint="Hand over probabilities, not logits.",
            )
        return p
