"""The plots of an evaluation: what is taken for what, and who gains; curves stand elsewhere."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hadua.calibration.labelled import IntArray
from hadua.models.errors import InvalidInputError
from hadua.service.atomic_file import write_whole
from hadua.service.evaluation.canvas import (
    INK,
    PALETTE,
    canvas,
    dress,
    heading,
    legend,
    people,
    png,
)
from hadua.service.evaluation.curves import prequential_plot, reliability_plot
from hadua.service.evaluation.results import PROTOCOL_TITLES, Evaluation, MethodRow, Protocol
from hadua.service.evaluation.summary import by_person

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MANY_LETTERS = 80  # of people's names in a row that is 1200 pixels wide


def write_plots(folder: Path, evaluation: Evaluation) -> tuple[Path, ...]:
    """Draw everything that there are results for as PNG files 1200 pixels wide.

    `confusion-METHOD.png` for every method; `people-PROTOCOL.png` and `reliability-PROTOCOL.png`
    for every protocol; `prequential.png`. The last three show ours, the reference and the best of
    the others.

    Raises:
        RuntimeUnavailableError: matplotlib is not installed.
    """
    plots = {
        f"confusion-{method}": confusion_plot(evaluation, method)
        for method in dict.fromkeys(row.method for row in evaluation.rows)
    }
    for protocol in evaluation.protocols():
        plots[f"people-{protocol}"] = people_plot(evaluation, protocol)
        plots[f"reliability-{protocol}"] = reliability_plot(evaluation, protocol)
    if "prequential" in evaluation.protocols():
        plots["prequential"] = prequential_plot(evaluation)
    written = []
    for name, content in plots.items():
        path = folder / f"{re.sub(r'[^A-Za-z0-9_-]+', '-', name)}.png"
        write_whole(path, content)
        written.append(path)
    return tuple(written)


def confusion_plot(evaluation: Evaluation, method: str) -> bytes:
    """Share of each true class that was named so, over all people and seeds, by protocol."""
    rows = [row for row in evaluation.rows if row.method == method]
    if not rows:
        raise InvalidInputError(f"method {method!r} to plot", got="no results of it")
    columns = min(2, len(rows))
    figure = canvas(height_px=(1000, 650, 1200, 1200)[len(rows) - 1])
    heading(
        figure, f"{evaluation.titles[method]}: what each class was taken for (% of its windows)"
    )
    panels = figure.subplots(-(-len(rows) // columns), columns, squeeze=False).ravel()
    for axes, row in zip(panels, rows, strict=False):
        _matrix(axes, _confusion(evaluation, row), evaluation.classes)
        seeds = f"{row.n_seeds} seed{'s' * (row.n_seeds > 1)}"
        dress(
            axes,
            title=f"{PROTOCOL_TITLES[row.protocol]}\nn = {people(row.n_people)}, {seeds}",
            x="class named",
            y="true class (predictions)",
        )
    for axes in panels[len(rows) :]:
        axes.set_axis_off()
    return png(figure)


def people_plot(evaluation: Evaluation, protocol: Protocol) -> bytes:
    """Accuracy of every person, those whom ours serves worst first."""
    methods = evaluation.foremost(protocol)
    each = {method: by_person(evaluation.people, method, protocol) for method in methods}
    names = sorted(each[methods[0]], key=lambda person: each[methods[0]][person])
    places, width = np.arange(len(names)), 0.8 / len(methods)
    figure = canvas(height_px=800)
    axes = figure.subplots()
    for k, method in enumerate(methods):
        heights = [100.0 * each[method][person] for person in names]
        left = places + (k - (len(methods) - 1) / 2) * width
        label = f"{evaluation.titles[method]}, mean {np.mean(heights):.1f} %"
        axes.bar(left, heights, width * 0.92, color=PALETTE[k], label=label)
    chance = [100.0 * _chance(evaluation, protocol, person) for person in names]
    label = "chance: always the commonest class of this person"
    axes.hlines(chance, places - 0.47, places + 0.47, INK, "dashed", label=label, linewidth=1.4)
    _ticks(axes, names, slanted=sum(map(len, names)) > _MANY_LETTERS)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_ylim(0, 100)
    dress(
        axes,
        title=f"Accuracy of each person, {PROTOCOL_TITLES[protocol]}, n = {people(len(names))}",
        x=f"person, by accuracy of {evaluation.titles[methods[0]]}",
        y="accuracy (%)",
    )
    legend(figure, axes)
    return png(figure)


def _matrix(axes: "Axes", counts: IntArray, classes: Sequence[str]) -> None:
    totals = counts.sum(axis=1, keepdims=True)
    share = 100.0 * counts / np.maximum(totals, 1)
    axes.imshow(share, cmap="Blues", vmin=0.0, vmax=100.0, aspect="equal")
    for i, j in np.ndindex(*share.shape):
        ink = "white" if share[i, j] > 55.0 else INK
        axes.text(j, i, f"{share[i, j]:.0f}", ha="center", va="center", color=ink)
    _ticks(axes, classes, slanted=sum(map(len, classes)) > _MANY_LETTERS // 4)
    names = [f"{name} ({n})" for name, n in zip(classes, totals.ravel(), strict=True)]
    axes.set_yticks(range(len(classes)), names)


def _ticks(axes: "Axes", names: Sequence[str], *, slanted: bool) -> None:
    axes.set_xticks(range(len(names)), names)
    if slanted:
        for label in axes.get_xticklabels():
            label.set(rotation=45, ha="right", rotation_mode="anchor")


def _confusion(evaluation: Evaluation, row: MethodRow) -> IntArray:
    which = (row.method, row.protocol)
    counts = [p.confusion for p in evaluation.people if (p.method, p.protocol) == which]
    total: IntArray = np.sum(counts, axis=0, dtype=np.int64)
    return total


def _chance(evaluation: Evaluation, protocol: Protocol, person: str) -> float:
    found = [p.chance for p in evaluation.people if (p.protocol, p.person) == (protocol, person)]
    return float(np.mean(found))
