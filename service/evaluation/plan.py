"""What an evaluation does: all that decides its figures, and nothing else."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from typing import Literal, get_args

from pydantic import JsonValue

from hadua.calibration.batches import Augmentation
from hadua.calibration.evaluation import Settings
from hadua.calibration.folds import SplitName
from hadua.calibration.learner import Method
from hadua.calibration.protocols import Budget, ProtocolName
from hadua.calibration.training import Recipe
from hadua.models.errors import UsageError
from hadua.service.evaluation.learning_code import code_hash
from hadua.service.evaluation.provenance import plain, versions

DatasetName = Literal[
    "synthetic", "official", "seed", "seed-iv", "seed-v", "seed-vii", "muse-ssvep", "own"
]
DATASET_NAMES: tuple[DatasetName, ...] = get_args(DatasetName)
SOURCE_RECIPE = Recipe(rate=3e-4, augmentation=Augmentation(modality=0.7))
"""How source networks are trained, for all methods alike; chosen on development populations: a
network that must often do with one modality is wrong about fewer people (decision 0011)."""
REGISTRY = "hadua.service.evaluation.methods"


@dataclass(frozen=True, slots=True)
class Plan:
    """Two equal plans on equal data, with equal code, give equal figures.

    Args:
        dataset: What to evaluate on.
        methods: Names of the methods, in the order of the table.
        protocols: Ways in which a person's windows reach a method.
        split: Who and what is left out.
        seeds: How many. Each synthetic seed has a population of its own.
        first_seed: The first of them; the others follow one by one.
        people: How many people to use; None for all there are.
        epochs: Passes over the source windows.
        context: Windows that a network looks back on, itself included.
        steps: Gradient steps of an adaptation.
        online_steps: Gradient steps after each block of the prequential protocol.
        block: Most windows of such a block; None for a trial.
        validation: People of each fold on whom only the temperature is fitted; nobody where
            fewer than three would be left to train on.
        leaky: Whether to add the best step on the test labels, for comparison only.
        registry: Module whose `METHODS` are the methods.
    """

    dataset: DatasetName
    methods: tuple[str, ...]
    protocols: tuple[ProtocolName, ...]
    split: SplitName = "loso"
    seeds: int = 5
    first_seed: int = 0
    people: int | None = None
    epochs: int = 6
    context: int = 8
    steps: int = 120
    online_steps: int = 6
    block: int | None = None
    validation: int = 1
    leaky: bool = False
    registry: str = REGISTRY

    def settings(self, n_classes: int) -> Settings:
        """What all methods share."""
        return Settings(
            n_classes=n_classes,
            context=self.context,
            recipe=replace(SOURCE_RECIPE, epochs=self.epochs),
            budget=Budget(steps=self.steps, online_steps=self.online_steps, block=self.block),
        )

    def seed_range(self) -> range:
        """The seeds themselves."""
        return range(self.first_seed, self.first_seed + self.seeds)

    def chosen(self) -> tuple[Method, ...]:
        """The methods themselves.

        Raises:
            UsageError: a name that is not known.
        """
        known = {method.name: method for method in known_methods(self.registry)}
        for name in self.methods:
            if name not in known:
                raise UsageError(
                    "--methods", got=repr(name), expected=f"some of {', '.join(known)}, or 'all'"
                )
        return tuple(known[name] for name in self.methods)


def known_methods(registry: str = REGISTRY) -> tuple[Method, ...]:
    """Every method of a registry: by name, so that another process finds the same."""
    methods: tuple[Method, ...] = import_module(registry).METHODS
    return methods


def fingerprint(plan: Plan, *, n_classes: int, data: Mapping[str, str]) -> dict[str, JsonValue]:
    """Everything on which a finished fold depends, flat, by names that a person can read.

    Args:
        plan: What is done.
        n_classes: Classes of the data set.
        data: Content hash of the windows, by name.
    """
    there, settings = versions(), plan.settings(n_classes)
    nested = {
        "plan": asdict(plan),
        "recipe": {k: v for k, v in asdict(settings.recipe).items() if k != "epochs"},
        "adapt_share": settings.budget.adapt_share,
        "method": {method.name: dict(method.settings) for method in plan.chosen()},
        "data": dict(data),
        "version": {name: there[name] for name in ("hadua", "python", "numpy", "torch")},
        "code": code_hash(),
    }
    return dict(_flat("", plain(nested, where="plan")))


def _flat(name: str, value: JsonValue) -> list[tuple[str, JsonValue]]:
    if not isinstance(value, dict):
        return [(name, value)]
    return [pair for key, v in value.items() for pair in _flat(f"{name}.{key}" if name else key, v)]
