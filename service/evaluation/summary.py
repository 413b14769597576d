"""From folds to figures: a score per fold, a row per method, and the tests between methods."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from hadua.calibration.comparison import holm, negative_transfer, signed_rank
from hadua.calibration.reliability import calibration_error
from hadua.calibration.scores import answered, confusion, macro_auc, recall, score
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray
from hadua.service.evaluation.provenance import Provenance
from hadua.service.evaluation.results import (
    LEAKY,
    PROTOCOLS,
    Evaluation,
    FoldResult,
    MethodRow,
    PersonScore,
    Protocol,
)

_Accuracies = Mapping[tuple[str, Protocol], FloatArray]


def summarise(
    folds: Iterable[FoldResult],
    *,
    provenance: Provenance,
    classes: Sequence[str],
    titles: Mapping[str, str],
    ours: str,
    reference: str,
) -> Evaluation:
    """Score every fold and compare the methods.

    Rows come in the order of `titles`, then of the protocols. Every method of a protocol must have
    seen the same people and windows, or their figures could not stand in one column.

    Raises:
        InvalidInputError: no folds, a fold that is there twice, a method without a title, or
            methods that were scored on different people or windows.
    """
    folds = tuple(folds)
    _require_comparable(folds, titles)
    people = tuple(score_fold(fold) for fold in folds)
    rows = tuple(
        _row([p for p in people if (p.method, p.protocol) == (method, protocol)], titles)
        for method in titles
        for protocol in PROTOCOLS
        if any((p.method, p.protocol) == (method, protocol) for p in people)
    )
    rows = _compared(rows, people, ours=ours, reference=reference)
    return Evaluation(
        provenance, tuple(classes), dict(titles), ours, reference, rows, people, folds
    )


def score_fold(fold: FoldResult) -> PersonScore:
    """All figures of one fold."""
    p, y, predicted = fold.probabilities, fold.y, fold.predicted
    scores = score(predicted, y)
    counts = confusion(predicted, y, n_classes=p.shape[1])
    sure = None if fold.threshold is None else answered(p, y, threshold=fold.threshold)
    return PersonScore(
        method=fold.method,
        protocol=fold.protocol,
        seed=fold.seed,
        person=fold.person,
        n_windows=scores.n_windows,
        accuracy=scores.accuracy,
        chance=scores.chance,
        macro_f1=scores.macro_f1,
        auc=macro_auc(p, y),
        ece=calibration_error(p, y),
        recall=recall(counts),
        confusion=tuple(tuple(row) for row in counts.tolist()),
        coverage=None if sure is None else sure.coverage,
        answered_accuracy=None if sure is None else sure.accuracy,
        seconds=fold.seconds,
    )


def by_person(people: Iterable[PersonScore], method: str, protocol: Protocol) -> dict[str, float]:
    """Accuracy of each person under a method, mean over seeds, people in order of their names."""
    folds = [p for p in people if (p.method, p.protocol) == (method, protocol)]
    names = sorted({p.person for p in folds})
    return dict(zip(names, _of_people(folds, lambda p: p.accuracy), strict=True))


def _of_people(
    folds: Sequence[PersonScore], figure: Callable[[PersonScore], float | None]
) -> list[float]:
    """Mean over seeds for each person in order of their names; people without it left out."""
    found: dict[str, list[float]] = {}
    for fold in sorted(folds, key=lambda p: (p.person, p.seed)):
        value = figure(fold)
        if value is not None:
            found.setdefault(fold.person, []).append(value)
    return [float(np.mean(values)) for values in found.values()]


def _row(folds: Sequence[PersonScore], titles: Mapping[str, str]) -> MethodRow:
    method, protocol = folds[0].method, folds[0].protocol
    each = by_person(folds, method, protocol)
    accuracy = np.array(list(each.values()))
    worst = min(each, key=lambda person: each[person])
    seeds = sorted({fold.seed for fold in folds})
    of_seeds = np.array([np.mean([f.accuracy for f in folds if f.seed == s]) for s in seeds])
    return MethodRow(
        method=method,
        title=titles[method],
        protocol=protocol,
        is_ours=False,
        n_people=len(each),
        n_seeds=len(seeds),
        mean=float(accuracy.mean()),
        sd=_sd(accuracy),
        seed_sd=_sd(of_seeds),
        worst=each[worst],
        worst_person=worst,
        macro_f1=float(np.mean(_of_people(folds, lambda p: p.macro_f1))),
        auc=_mean(_of_people(folds, lambda p: p.auc)),
        ece=float(np.mean(_of_people(folds, lambda p: p.ece))),
        coverage=_mean(_of_people(folds, lambda p: p.coverage)),
        answered_accuracy=_mean(_of_people(folds, lambda p: p.answered_accuracy)),
        p_value=None,
        p_holm=None,
        negative_transfer=None,
        seconds=float(np.mean([fold.seconds for fold in folds])),
    )


def _compared(
    rows: Sequence[MethodRow], people: Sequence[PersonScore], *, ours: str, reference: str
) -> tuple[MethodRow, ...]:
    """The rows with what they are beside ours and beside the reference."""
    each = {(r.method, r.protocol): _accuracy(people, r.method, r.protocol) for r in rows}
    p_values = [_p_value(row, each, ours=ours) for row in rows]
    return tuple(
        replace(
            row,
            is_ours=row.method == ours,
            p_value=p,
            p_holm=adjusted,
            negative_transfer=_losers(row, each, reference=reference),
        )
        for row, p, adjusted in zip(rows, p_values, holm(p_values), strict=True)
    )


def _p_value(row: MethodRow, each: _Accuracies, *, ours: str) -> float | None:
    other = each.get((ours, row.protocol))
    if other is None or row.method == ours or row.protocol == LEAKY:
        return None
    return signed_rank(each[row.method, row.protocol], other).p_value


def _losers(row: MethodRow, each: _Accuracies, *, reference: str) -> float | None:
    other = each.get((reference, row.protocol))
    if other is None or row.method == reference:
        return None
    return negative_transfer(each[row.method, row.protocol], other)


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _accuracy(people: Sequence[PersonScore], method: str, protocol: Protocol) -> FloatArray:
    return np.array(list(by_person(people, method, protocol).values()))


def _sd(values: FloatArray) -> float | None:
    return float(values.std(ddof=1)) if len(values) > 1 else None


def _require_comparable(folds: Sequence[FoldResult], titles: Mapping[str, str]) -> None:
    if not folds:
        raise InvalidInputError("folds to summarise", got="none")
    names = Counter(fold.name for fold in folds)
    for fold in folds:
        if names[fold.name] > 1:
            raise InvalidInputError(f"fold {fold.name!r}", got="it twice", expected="it once")
        if fold.method not in titles:
            raise InvalidInputError(
                f"method {fold.method!r}", got="no title", expected=f"one of {sorted(titles)}"
            )
    _require_same_windows(folds)
    _require_same_people(folds)


def _require_same_windows(folds: Sequence[FoldResult]) -> None:
    firsts: dict[tuple[str, int, str], FoldResult] = {}
    for fold in folds:
        first = firsts.setdefault((fold.protocol, fold.seed, fold.person), fold)
        if not (np.array_equal(first.y, fold.y) and np.array_equal(first.order, fold.order)):
            raise InvalidInputError(
                f"folds {first.name!r} and {fold.name!r}",
                got=f"{len(first.y)} and {len(fold.y)} windows, which differ",
                expected="the same windows for every method of a protocol",
            )


def _require_same_people(folds: Sequence[FoldResult]) -> None:
    there: dict[tuple[str, str, int], set[str]] = {}
    for fold in folds:
        there.setdefault((fold.protocol, fold.method, fold.seed), set()).add(fold.person)
    for (protocol, method, seed), people in there.items():
        # Seeds may stand for populations, each with people of its own.
        missing = {f.person for f in folds if (f.protocol, f.seed) == (protocol, seed)} - people
        if missing:
            raise InvalidInputError(
                f"method {method!r}, {protocol}, seed {seed}",
                got=f"nothing on {', '.join(map(repr, sorted(missing)))}",
                expected="the same people for every method of a protocol and seed",
                hint="Finish the missing folds, or leave the method out.",
            )
