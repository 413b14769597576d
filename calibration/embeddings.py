"""The source-free path: MMD and CMMD against embeddings of the source instead of its windows.

A set of windows is represented by the mean of its random Fourier features, and both discrepancies
are squared distances of means: linear in the number of target windows, their error falling with
the root of the number of features.

The bandwidth is fixed from the source alone, where `objective` takes it from both sides; and the
embeddings hold for the network that made them: an adapting network moves the target's features to
where the source's were.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hadua.calibration.consensus import Consensus
from hadua.calibration.fourier_features import draw_frequencies, mean_features, source_bandwidth
from hadua.calibration.labelled import UNLABELLED, IntArray
from hadua.calibration.objective import normalised, soft_labels
from hadua.models.errors import InvalidInputError
from hadua.models.source_statistics import SourceStatistics

DEFAULT_FEATURES = 256


@dataclass(frozen=True, slots=True, eq=False)
class SourceEmbeddings:
    """Mean embeddings of the source's fused features; float32, D = 2 * 5 * n_features.

    Args:
        frequencies: `(5, n_features, d)`.
        bandwidth: Squared width bw of the narrowest kernel.
        centre: `(d,)` mean of the source features, the origin of the random features.
        mean: `(D,)` mean embedding of all source windows.
        class_means: `(n_classes, D)` of those of each class; 0 for a class without any.
        windows: `(n_classes,)` windows of each class.
        people: `(n_classes,)` people they are of.
        consensus: What the source people agree on, if there were people enough to say.
    """

    frequencies: Tensor
    bandwidth: float
    centre: Tensor
    mean: Tensor
    class_means: Tensor
    windows: Tensor
    people: Tensor
    consensus: Consensus | None = None

    @property
    def shares(self) -> Tensor:
        """Share `(n_classes,)` of each class in the labelled source windows."""
        return self.windows / self.windows.sum().clamp_min(1)

    def to(self, device: torch.device | str) -> "SourceEmbeddings":
        """The same on another device."""
        return SourceEmbeddings(
            self.frequencies.to(device),
            self.bandwidth,
            self.centre.to(device),
            self.mean.to(device),
            self.class_means.to(device),
            self.windows.to(device),
            self.people.to(device),
            self.consensus,
        )

    def to_statistics(self) -> SourceStatistics:
        """What a bundle stores."""
        agreed = {} if self.consensus is None else self.consensus.arrays()
        return SourceStatistics(
            frequencies=self.frequencies.numpy(force=True),
            bandwidth=np.array([self.bandwidth], np.float32),
            centre=self.centre.numpy(force=True),
            mean=self.mean.numpy(force=True),
            class_means=self.class_means.numpy(force=True),
            windows=self.windows.numpy(force=True),
            people=self.people.numpy(force=True),
            **agreed,
        )

    @classmethod
    def of(cls, statistics: SourceStatistics) -> "SourceEmbeddings":
        """What a bundle stored."""
        s = statistics
        return cls(
            frequencies=torch.tensor(s.frequencies),
            bandwidth=float(s.bandwidth[0]),
            centre=torch.tensor(s.centre),
            mean=torch.tensor(s.mean),
            class_means=torch.tensor(s.class_means),
            windows=torch.tensor(s.windows),
            people=torch.tensor(s.people),
            consensus=Consensus(
                s.consensus_eeg.astype(np.float64), s.consensus_eye.astype(np.float64)
            )
            if s.has_consensus
            else None,
        )


def embed(
    source_fused: Tensor,
    y: IntArray,
    *,
    subject: IntArray,
    n_classes: int,
    seed: int,
    n_features: int = DEFAULT_FEATURES,
) -> SourceEmbeddings:
    """Embed the source; the same arguments give the same embeddings.

    Args:
        source_fused: `(n, d)` fused features of source windows, n >= 2.
        y: `(n,)` class or `UNLABELLED`; a window without a class counts in the overall mean only.
        subject: `(n,)` whose window it is.
        n_classes: Number of classes.
        seed: Start of the frequencies' random numbers.
        n_features: Frequencies per kernel, two features each.

    Raises:
        InvalidInputError: shapes that do not fit, values that are not finite, features all alike.
    """
    x = source_fused.detach().to(device="cpu", dtype=torch.float64)
    _require_source(x, y, subject, n_classes=n_classes, n_features=n_features)
    centre = x.mean(0).float()
    bandwidth = source_bandwidth(x)
    frequencies = draw_frequencies(x.shape[1], bandwidth, n_features=n_features, seed=seed)
    one_hot = torch.from_numpy(y[:, None] == np.arange(n_classes)).double()
    by_class, _ = normalised(one_hot)
    overall = torch.full((len(x), 1), 1.0 / len(x), dtype=torch.float64)
    mix = torch.cat((overall, by_class), dim=1)
    means = mean_features(x, mix, frequencies=frequencies, centre=centre).float()
    people = [len(np.unique(subject[y == c])) for c in range(n_classes)]
    return SourceEmbeddings(
        frequencies=frequencies,
        bandwidth=bandwidth,
        centre=centre,
        mean=means[0],
        class_means=means[1:],
        windows=one_hot.sum(0).long(),
        people=torch.tensor(people, dtype=torch.int64),
    )


def mmd_to_embedding(embeddings: SourceEmbeddings, target: Tensor) -> Tensor:
    """Squared maximum mean discrepancy of the source and target features `(n, d)`: a scalar.

    Over the draw of the frequencies its mean is `objective.mmd` at the embeddings' bandwidth.

    Raises:
        InvalidInputError: another width, or no row.
    """
    _require_target(embeddings, target)
    mix = target.new_full((len(target), 1), 1.0 / len(target))
    mean = _embedded(embeddings, target, mix)[0]
    return (mean - embeddings.mean.to(mean)).square().sum()


def cmmd_to_embedding(
    embeddings: SourceEmbeddings,
    target: Tensor,
    target_probabilities: Tensor,
    weights: Tensor | None = None,
) -> Tensor:
    """Class-conditional discrepancy, the mean over the classes that both sides have.

    Over the draw of the frequencies its mean is `objective.cmmd` at the embeddings' bandwidth.

    Args:
        embeddings: Of the source.
        target: `(n, d)`.
        target_probabilities: `(n, n_classes)`; no gradient flows into them.
        weights: `(n,)` confidence of each pseudo-label, or None for 1 throughout; nor into these.

    Returns:
        A scalar; 0 if no class is on both sides.

    Raises:
        InvalidInputError: shapes that do not fit.
    """
    return discrepancies_to_embedding(embeddings, target, target_probabilities, weights)[1]


def discrepancies_to_embedding(
    embeddings: SourceEmbeddings,
    target: Tensor,
    target_probabilities: Tensor,
    weights: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Both, the target's random features computed once; arguments as for `cmmd_to_embedding`."""
    _require_target(embeddings, target)
    _require_pseudo_labels(embeddings, target, target_probabilities, weights)
    by_class, has_target = normalised(soft_labels(target_probabilities, weights).to(target.dtype))
    overall = target.new_full((len(target), 1), 1.0 / len(target))
    mix = torch.cat((overall, by_class), dim=1)
    means = _embedded(embeddings, target, mix)
    source = torch.cat((embeddings.mean[None], embeddings.class_means)).to(means)
    apart = (means - source).square().sum(1)
    both = has_target & (embeddings.windows > 0)
    return apart[0], (apart[1:] * both).sum() / both.sum().clamp_min(1)


def _embedded(embeddings: SourceEmbeddings, target: Tensor, mix: Tensor) -> Tensor:
    e = embeddings
    return mean_features(target, mix, frequencies=e.frequencies, centre=e.centre)


def _require_source(
    x: Tensor, y: IntArray, subject: IntArray, *, n_classes: int, n_features: int
) -> None:
    n = len(x)
    if x.ndim != 2 or n < 2 or y.shape != (n,) or subject.shape != (n,) or n_features < 1:
        got = f"features {tuple(x.shape)}, y {y.shape}, subject {subject.shape}, {n_features=}"
        expected = "(n, d), (n,) and (n,) with n >= 2, and at least 1 feature"
    elif y.min() < UNLABELLED or y.max() >= n_classes:
        got, expected = f"classes {y.min()} to {y.max()}", f"{UNLABELLED} to {n_classes - 1}"
    elif not bool(torch.isfinite(x).all()):
        got, expected = "a value that is not finite", "finite features"
    elif not source_bandwidth(x) > 0:
        got, expected = "rows that are all alike", "rows that differ"
    else:
        return
    raise InvalidInputError("source to embed", got=got, expected=expected)


def _require_target(embeddings: SourceEmbeddings, target: Tensor) -> None:
    width = embeddings.centre.shape[0]
    if target.ndim != 2 or target.shape[1] != width or not len(target):
        raise InvalidInputError(
            "target features against the source's embeddings",
            got=str(tuple(target.shape)),
            expected=f"(n, {width}), n >= 1",
        )


def _require_pseudo_labels(
    embeddings: SourceEmbeddings, target: Tensor, probabilities: Tensor, weights: Tensor | None
) -> None:
    n, n_classes = len(target), len(embeddings.class_means)
    if probabilities.shape != (n, n_classes) or not (weights is None or weights.shape == (n,)):
        weighted = "none" if weights is None else str(tuple(weights.shape))
        raise InvalidInputError(
            "class-conditional discrepancy",
            got=f"probabilities {tuple(probabilities.shape)}, weights {weighted}",
            expected=f"({n}, {n_classes}) and ({n},)",
        )
