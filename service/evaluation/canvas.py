"""Draws without a screen and without touching what another program set up for its own plots."""

import io
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from hadua.models.errors import RuntimeUnavailableError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALETTE = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#7F7F7F",
)
"""Okabe and Ito's colours, which people with any colour vision tell apart, and a grey."""

LINES = ("-", "--", "-.", ":")
INK = "#222222"
QUIET = "#767676"
_DISTRIBUTIONS = {"sklearn": "scikit-learn"}
_DPI = 150
_Outside = Literal["outside lower left", "outside lower center", "outside lower right"]
_PLACES: Mapping[str, _Outside] = {
    "left": "outside lower left",
    "center": "outside lower center",
    "right": "outside lower right",
}
_TITLE, _LABEL, _TICK = 11.0, 10.5, 9.5


def require(*packages: str) -> None:
    """Import what drawing needs.

    Raises:
        RuntimeUnavailableError: one of them is not installed.
    """
    for package in packages:
        name = package.split(".")[0]
        try:
            import_module(package)
        except ModuleNotFoundError as error:
            raise RuntimeUnavailableError(
                f"plots of an evaluation need {_DISTRIBUTIONS.get(name, name)!r}",
                got="it is not installed",
                hint="Install it: pip install 'hadua[evaluate]'.",
            ) from error


def canvas(*, height_px: int = 800) -> "Figure":
    """An empty figure, 1200 pixels wide."""
    require("matplotlib.figure", "matplotlib.backends.backend_agg")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1200 / _DPI, height_px / _DPI), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def png(figure: "Figure") -> bytes:
    """The figure as a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def dress(axes: "Axes", *, title: str = "", x: str = "", y: str = "") -> None:
    """Name the axes, and take away what says nothing."""
    axes.set_title(title, fontsize=_TITLE, color=INK, loc="left")
    axes.set_xlabel(x, fontsize=_LABEL, color=INK)
    axes.set_ylabel(y, fontsize=_LABEL, color=INK)
    axes.tick_params(labelsize=_TICK, colors=INK)
    axes.spines[["top", "right"]].set_visible(False)


def legend(
    figure: "Figure",
    axes: "Axes",
    *,
    place: Literal["center", "left", "right"] = "center",
    columns: int = 2,
    scale: float = 1.0,
) -> None:
    """Say below the figure which line, or which marker, of these axes is which."""
    both = zip(*axes.get_legend_handles_labels(), strict=True)
    handles, labels = zip(*sorted(both, key=lambda one: one[1].startswith("chance")), strict=True)
    figure.legend(
        handles=handles,
        labels=labels,
        loc=_PLACES[place],
        ncols=columns,
        markerscale=scale,
        fontsize=_TICK,
        frameon=False,
        labelcolor=INK,
    )


def chance_line(axes: "Axes", n_classes: int) -> None:
    """Show what guessing among equally common classes reaches, in per cent."""
    label = f"chance, 1 of {n_classes} classes"
    axes.axhline(100.0 / n_classes, color=INK, linestyle=(0, (2, 2)), linewidth=1.2, label=label)


def heading(figure: "Figure", text: str) -> None:
    """Say above all panels what they show."""
    figure.suptitle(text, fontsize=_TITLE, color=INK, x=0.01, ha="left")


def people(n: int) -> str:
    """How many people, in words."""
    return f"{n} person" if n == 1 else f"{n} people"
