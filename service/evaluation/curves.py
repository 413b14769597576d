"""The curves of an evaluation: how surely it is right, and how that changes while it learns."""

import numpy as np

from hadua.calibration.reliability import Reliability, reliability
from hadua.models.features import FloatArray
from hadua.service.evaluation.canvas import (
    LINES,
    PALETTE,
    QUIET,
    canvas,
    chance_line,
    dress,
    legend,
    people,
    png,
)
from hadua.service.evaluation.results import PROTOCOL_TITLES, Evaluation, Protocol

_MARKERS = "os^"


def reliability_plot(evaluation: Evaluation, protocol: Protocol) -> bytes:
    """Share right against confidence, over all windows, and how often each confidence is given."""
    methods = evaluation.foremost(protocol)
    figure = canvas(height_px=1000)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.plot((0, 100), (0, 100), color=QUIET, linewidth=1.2, label="as often right as sure")
    for k, method in enumerate(methods):
        total = pooled(evaluation, method, protocol)
        sure, right, counts = total.curve()
        label = f"{evaluation.titles[method]}, error {100 * total.error():.1f} points"
        colour, line, marker = PALETTE[k], LINES[k], _MARKERS[k]
        upper.plot(100 * sure, 100 * right, line, c=colour, marker=marker, ms=5, label=label)
        lower.plot(100 * sure, 100 * counts / counts.sum(), line, c=colour, marker=marker, ms=4)
    chance_line(upper, len(evaluation.classes))
    upper.set_ylim(0, 100)
    lower.set_xlim(0, 100)
    lower.set_ylim(bottom=0)
    folds = evaluation.folds_of(methods[0], protocol)
    whose = people(len({f.person for f in folds}))
    n = f"n = {sum(len(f.y) for f in folds)} predictions for {whose}"
    dress(upper, title=f"Reliability, {PROTOCOL_TITLES[protocol]}, {n}", y="right (%)")
    dress(lower, x="confidence: probability of the class named (%)", y="windows (%)")
    legend(figure, upper)
    return png(figure)


def prequential_plot(evaluation: Evaluation) -> bytes:
    """Share right of all windows so far: mean over people, and the middle half of them."""
    methods = evaluation.foremost("prequential")
    curves = [running_accuracy(evaluation, method) for method in methods]
    n_people, n_windows = curves[0].shape
    seen = np.arange(1, n_windows + 1)
    figure = canvas(height_px=800)
    axes = figure.subplots()
    for k, (method, curve) in enumerate(zip(methods, curves, strict=True)):
        low, high = np.percentile(100 * curve, (25, 75), axis=0)
        axes.fill_between(seen, low, high, color=PALETTE[k], alpha=0.15, linewidth=0)
        mean = 100 * curve.mean(axis=0)
        axes.plot(seen, mean, LINES[k], c=PALETTE[k], label=evaluation.titles[method])
    chance_line(axes, len(evaluation.classes))
    axes.set_xlim(1, max(n_windows, 2))
    axes.set_ylim(0, 100)
    dress(
        axes,
        title=f"Predicted, then learned from: mean and middle half of n = {people(n_people)}",
        x="windows of the person seen so far",
        y="accuracy over these windows (%)",
    )
    legend(figure, axes)
    return png(figure)


def running_accuracy(evaluation: Evaluation, method: str) -> FloatArray:
    """Accuracy of the first k windows, `(n_people, n_windows)`, prequential, mean over seeds.

    It ends where the first person's windows end, so that every point is over the same people.
    """
    folds = evaluation.folds_of(method, "prequential")
    end = min(len(fold.y) for fold in folds)
    curves: dict[str, list[FloatArray]] = {}
    for fold in sorted(folds, key=lambda f: f.person):
        right = (fold.predicted == fold.y)[:end]
        curves.setdefault(fold.person, []).append(np.cumsum(right) / np.arange(1, end + 1))
    return np.stack([np.mean(seeds, axis=0) for seeds in curves.values()])


def pooled(evaluation: Evaluation, method: str, protocol: Protocol) -> Reliability:
    """Reliability over the windows of all people and seeds."""
    folds = evaluation.folds_of(method, protocol)
    first, *rest = (reliability(fold.probabilities, fold.y) for fold in folds)
    return sum(rest, start=first)
