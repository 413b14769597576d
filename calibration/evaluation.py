"""Runs methods on one fold: source networks once, then a fresh learner for each way of meeting it.

Nothing here takes a label of the test person. Time comes in as a function.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from hadua.calibration.chance import seeded
from hadua.calibration.folds import Fold
from hadua.calibration.labelled import LabelledWindows
from hadua.calibration.learner import Method, Normalisation, Start
from hadua.calibration.person import by_person
from hadua.calibration.protocols import RUN, Answers, Budget, ProtocolName
from hadua.calibration.stretches import logits_of_windows
from hadua.calibration.temperature import fit_temperature
from hadua.calibration.training import Recipe, train


@dataclass(frozen=True, slots=True)
class Settings:
    """What an evaluation holds the same for all methods.

    Args:
        n_classes: Number of classes.
        context: Windows a network looks back on, unless the method says otherwise.
        recipe: How source networks are trained; its number of epochs is fixed beforehand.
        budget: What a learner may do.
    """

    n_classes: int
    context: int
    recipe: Recipe = field(default_factory=Recipe)
    budget: Budget = field(default_factory=Budget)


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A source network ready to be adapted.

    Args:
        start: What methods begin from.
        temperature: Fitted on the validation people; 1 if there are none.
        seconds: What training took.
    """

    start: Start
    temperature: float
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """What a method said under one protocol.

    Args:
        method: Its name.
        protocol: How the windows reached it.
        answers: Rows of the fold's target, and logits.
        temperature: What to divide them by.
        seconds: What training its source network and adapting took.
    """

    method: str
    protocol: ProtocolName
    answers: Answers
    temperature: float
    seconds: float


class SourceNetworks:
    """The source networks of a fold, each trained when first asked for and then shared.

    Args:
        fold: Its source trains, its validation sets the temperature.
        settings: Of the evaluation.
        seed: Start of the weights and of every draw.
        clock: Seconds from any origin.
    """

    def __init__(
        self, fold: Fold, settings: Settings, *, seed: int, clock: Callable[[], float]
    ) -> None:
        self._fold, self._settings, self._seed, self._clock = fold, settings, seed, clock
        self._trained: dict[tuple[Normalisation, int], Trained] = {}

    def of(self, method: Method) -> Trained:
        """The network that a method asks for."""
        context = self._settings.context if method.context is None else method.context
        key = method.normalisation, context
        if key not in self._trained:
            self._trained[key] = self._train(*key)
        return self._trained[key]

    def _train(self, normalisation: Normalisation, context: int) -> Trained:
        began = self._clock()
        source = _normalised(self._fold.source, normalisation)
        trained = train(
            source,
            n_classes=self._settings.n_classes,
            context=context,
            seed=self._seed,
            recipe=self._settings.recipe,
        )
        validation = _normalised(self._fold.validation, normalisation)
        rows = validation.targets()
        temperature = 1.0
        if len(rows):
            with seeded(0):
                logits = logits_of_windows(trained.network, validation.windows)[rows]
            temperature = fit_temperature(logits, validation.y[rows])
        return Trained(Start(trained.network, source), temperature, self._clock() - began)


def answers_of(
    fold: Fold,
    methods: Sequence[Method],
    protocols: Iterable[ProtocolName],
    networks: SourceNetworks,
    settings: Settings,
    *,
    seed: int,
    clock: Callable[[], float],
) -> Iterator[Answered]:
    """Let every method meet the person in every way, each time as if for the first time.

    Args:
        fold: The fold.
        methods: Methods to run.
        protocols: Ways of meeting the target.
        networks: Source networks of this fold.
        settings: Of the evaluation.
        seed: Given to each learner.
        clock: Seconds from any origin.
    """
    for protocol in protocols:
        for method in methods:
            trained = networks.of(method)
            began = clock()
            learner = method.begin(trained.start, seed)
            answers = RUN[protocol](learner, fold.target, _budget(method, settings))
            seconds = trained.seconds + clock() - began
            yield Answered(method.name, protocol, answers, trained.temperature, seconds)


def _budget(method: Method, settings: Settings) -> Budget:
    budget = settings.budget
    most = budget.online_steps if method.online_steps is None else method.online_steps
    return replace(budget, online_steps=min(budget.online_steps, most))


def _normalised(data: LabelledWindows, normalisation: Normalisation) -> LabelledWindows:
    if normalisation == "source" or not len(data):
        return data
    return LabelledWindows(by_person(data.windows), data.y)
