"""What differs between the data sets that `hadua train` knows: names, words, settings, terms."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from hadua.calibration.training import Recipe
from hadua.service.evaluation import plan as evaluation_plan

DatasetName = Literal["sim"] | evaluation_plan.DatasetName

MAY_CARRY_WINDOWS = ("sim", "synthetic", "muse-ssvep", "own")
"""Data of which a bundle may carry windows, if whoever trains it says so."""
OWN_LICENCE = "BSD-3-Clause"
"""Of weights that were trained on what anybody may use."""
_RECIPE = Recipe(epochs=6)


@dataclass(frozen=True, slots=True)
class Kind:
    """A data set's defaults.

    Args:
        name: Name of the bundle.
        title: Title of its card.
        notice: Shown to the people whose data goes in.
        context: Number of windows the network looks at.
        recipe: How to train.
        demo: Whether its scores mean nothing outside a demonstration.
        licence: Licence of the weights.
        people: Number of people to simulate or draw; without meaning for recordings.
        seconds: Length of each simulated recording.
        check_set: Whether labelled windows of some people are in the bundle: never if it is not
            said, and never those of data whose licence does not let them be passed on.
    """

    name: str
    title: str
    notice: str
    context: int = 8
    recipe: Recipe = _RECIPE
    demo: bool = False
    licence: str = OWN_LICENCE
    people: int = 12
    seconds: float = 240.0
    check_set: bool = False


def kind_of(dataset: DatasetName, *, demo: bool) -> Kind:
    """The defaults of a data set, or those of the shipped demo bundle."""
    return _DEMO if demo and dataset == "sim" else _KINDS[dataset]


def _licensed(name: str, title: str) -> Kind:
    return Kind(
        name=f"hadua-{name}",
        title=f"Emotions of people who watched films, from the published features of {title}",
        notice=(
            f"Trained on the people of {title}, who watched films in a laboratory. Its card says "
            "how it does on people whom it was not trained on, and for what it may be used."
        ),
        licence=(
            f"as the licence of {title} allows, on whose licensed data the weights were trained: "
            "research only"
        ),
    )


_SIM = Kind(
    name="hadua-sim",
    title="Emotions of simulated people",
    notice=(
        "Demo model, trained on simulated people only: "
        "what it says about a real person means nothing."
    ),
    recipe=Recipe(epochs=8),
    demo=True,
    check_set=True,
)
_DEMO = replace(_SIM, name="hadua-demo", title="HADUA's demo model", people=32)
_KINDS: Mapping[DatasetName, Kind] = {
    "sim": _SIM,
    "synthetic": Kind(
        name="hadua-synthetic",
        title="Classes of features that were drawn at random",
        notice=(
            "Trained on a synthetic population only: "
            "what it says about a real person means nothing."
        ),
        demo=True,
        people=15,
        check_set=True,
    ),
    "muse-ssvep": Kind(
        name="muse-ssvep",
        title="Flicker of 30 or 20 Hz, from a Muse headband",
        notice=(
            "Tells which of two flicker rates a person looks at. "
            "It was never shown an emotion, and three people trained it."
        ),
        context=3,
        recipe=Recipe(epochs=40, batch=64),
    ),
    "own": Kind(
        name="hadua-own",
        title="States of a laboratory's own recordings",
        notice=(
            "Trained on one laboratory's own recordings. Its card says how it does on people "
            "whom it was not trained on."
        ),
        licence="as the laboratory decides whose own recordings the weights were trained on",
    ),
    "official": Kind(
        name="hadua-official-features",
        title="Classes of features that were exported for the authors' code",
        notice=(
            "Trained on exported features of which neither the order nor the device is known. "
            "Its card says how it does on people whom it was not trained on."
        ),
        licence=(
            "as the licence of the data set allows whose exported features the weights were "
            "trained on"
        ),
    ),
    "seed": _licensed("seed", "SEED"),
    "seed-iv": _licensed("seed-iv", "SEED-IV"),
    "seed-v": _licensed("seed-v", "SEED-V"),
    "seed-vii": _licensed("seed-vii", "SEED-VII"),
}
