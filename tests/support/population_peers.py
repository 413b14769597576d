"""Simple classifiers by which the benchmark population's difficulty is measured."""

import numpy as np
import numpy.typing as npt
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from threadpoolctl import threadpool_limits

from hadua.adapters.datasets.feature_set import FeatureSet
from hadua.models.features import FloatArray, Modality

IntArray = npt.NDArray[np.int64]


def table(data: FeatureSet) -> tuple[FloatArray, IntArray, IntArray, IntArray]:
    x = np.concatenate([np.hstack([t.values[m] for m in Modality]) for t in data.trials])
    lengths = [len(t) for t in data.trials]
    subject = np.repeat([t.subject for t in data.trials], lengths)
    y = np.concatenate([t.y for t in data.trials])
    return x, y, subject, np.repeat(np.arange(len(lengths)), lengths)


def by_source(x: FloatArray, source: npt.NDArray[np.bool_]) -> FloatArray:
    mean, sd = np.nanmean(x[source], axis=0), np.nanstd(x[source], axis=0)
    return np.asarray(np.nan_to_num((x - mean) / sd))


def standardised(x: FloatArray, subject: IntArray) -> FloatArray:
    out = np.empty_like(x)
    for k in np.unique(subject):
        rows = subject == k
        out[rows] = by_source(x[rows], np.ones(rows.sum(), np.bool_))
    return out


def accuracy(
    x: FloatArray, y: IntArray, train: npt.NDArray[np.bool_], test: npt.NDArray[np.bool_]
) -> float:
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.5)
    with threadpool_limits(1):
        return float(model.fit(x[train], y[train]).score(x[test], y[test]))
