"""What `hadua train` was asked for, and what of it cannot be."""

from dataclasses import dataclass, replace
from pathlib import Path

from hadua.calibration.source_windows import INDEX
from hadua.models.cleaning import Cleaning
from hadua.models.errors import UsageError
from hadua.service.evaluation.sets import require_root
from hadua.service.training.kinds import MAY_CARRY_WINDOWS, DatasetName, Kind, kind_of

_SHORTEST_S = 120.0
_FEWEST_PEOPLE = 4
_LONGEST_CONTEXT = 64
_WITH_SIGNAL = ("sim", "muse-ssvep", "own")


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for; None where the default of the data set holds.

    Args:
        dataset: What to train on.
        out: Folder of the bundle.
        root: Folder of recordings or features.
        demo: Whether to use the settings of the shipped demo bundle.
        people: Number of simulated people, or of people in the synthetic population.
        seconds: Length of each simulated recording.
        seed: Start of every random number.
        context: Number of windows that an answer depends on.
        epochs: Passes over the data.
        replace: Whether a bundle that is there already gives way.
        allow_pickle: Permission to read pickled data.
        licence: Licence of the weights.
        data_licence: Terms of the data; those that its reader knows if None.
        check_set: Whether the bundle carries labelled windows of people put aside.
        cleaning: What is done to the EEG before it is measured; None for nothing.
        keep_source: Folder for the windows that trained it; None keeps none.
        cluster: Head of the Ray cluster that trains; None trains here.
    """

    dataset: DatasetName
    out: Path
    root: Path | None = None
    demo: bool = False
    people: int | None = None
    seconds: float | None = None
    seed: int = 0
    context: int | None = None
    epochs: int | None = None
    replace: bool = False
    allow_pickle: bool = False
    licence: str | None = None
    data_licence: str | None = None
    check_set: bool = False
    cleaning: Cleaning | None = None
    keep_source: Path | None = None
    cluster: str | None = None

    def kind(self) -> Kind:
        """The data set's defaults, with what the request says otherwise.

        Raises:
            UsageError: settings that do not go together, or a folder that is taken.
        """
        default = kind_of(self.dataset, demo=self.demo)
        names = ("context", "people", "seconds", "licence")
        given = {n: v for n in names if (v := getattr(self, n)) is not None}
        if self.epochs is not None:
            given["recipe"] = replace(default.recipe, epochs=self.epochs)
        kind = replace(default, **given, check_set=default.check_set or self.check_set)
        _require_company(self)
        _require_signal(self)
        _require_terms(self)
        _require_leave(self)
        _require_least("--people", kind.people, _FEWEST_PEOPLE)
        _require_least("--seconds", kind.seconds, _SHORTEST_S)
        _require_least("--epochs", kind.recipe.epochs, 1)
        _require_context(kind.context)
        _require_room(self.out, replace=self.replace)
        _require_apart(self.keep_source, self.out)
        return kind


def _require_company(request: Request) -> None:
    """Refuse flags that do not go with the data set."""
    dataset = request.dataset
    theirs = {"--preset": request.demo or None, "--seconds": request.seconds}
    if dataset != "synthetic":
        theirs["--people"] = request.people
    if dataset != "sim" and (given := [flag for flag, v in theirs.items() if v is not None]):
        raise UsageError(
            f"{', '.join(given)} with --dataset {dataset}",
            expected="none of them: they describe simulated people",
        )
    if dataset != "sim":
        require_root(dataset, request.root, allow_pickle=request.allow_pickle)
    elif request.root is not None:
        got = f"--root {str(request.root)!r}"
        raise UsageError("--dataset sim", got=got, expected="no --root")
    elif request.cluster is not None:
        got = f"--cluster {request.cluster!r}"
        raise UsageError("--dataset sim", got=got, expected="no --cluster: it is one training")
    elif request.allow_pickle:
        raise UsageError("--allow-pickle", expected="a data set whose files may hold pickles")


def _require_signal(request: Request) -> None:
    """Refuse to clean where there is no signal, only features that others have extracted."""
    if request.cleaning is None or request.dataset in _WITH_SIGNAL:
        return
    raise UsageError(
        f"--rate, --notch, --high-pass or --average with --dataset {request.dataset}",
        got="features that were extracted already",
        expected=f"a set with signal: {', '.join(_WITH_SIGNAL)}",
    )


def _require_terms(request: Request) -> None:
    """Refuse terms without a word, and terms of data that nobody owns."""
    for flag, text in (("--licence", request.licence), ("--data-licence", request.data_licence)):
        if text is not None and not text.strip():
            raise UsageError(flag, got="nothing", expected="the terms in a few words")
    if request.data_licence is not None and request.dataset in ("sim", "synthetic"):
        raise UsageError(
            f"--data-licence with --dataset {request.dataset}",
            expected="none: the data are made up, and nobody's",
        )


def _require_leave(request: Request) -> None:
    """Refuse to put windows into a bundle that may not be passed on."""
    if request.check_set and request.dataset not in MAY_CARRY_WINDOWS:
        raise UsageError(
            f"--check-set with --dataset {request.dataset}",
            expected="data whose windows may be passed on",
            hint="Leave it out: adaptation works without, and notices less.",
        )


def _require_context(context: int) -> None:
    if context != 2 and 1 <= context <= _LONGEST_CONTEXT:
        return
    raise UsageError(
        "--context",
        got=f"{context}",
        expected=f"1 (the published network), or 3 to {_LONGEST_CONTEXT}",
        hint="With two, one of the attentions over time would see a single window."
        if context == 2
        else None,
    )


def _require_least(flag: str, value: float, least: float) -> None:
    if value < least:
        raise UsageError(f"{flag}", got=f"{value:g}", expected=f"{least:g} or more")


def _require_room(out: Path, *, replace: bool) -> None:
    where = f"--out {str(out)!r}"
    if out.exists() and not out.is_dir():
        raise UsageError(where, got="a file", expected="a folder to make")
    there = {p.name for p in out.iterdir()} if out.exists() else set()
    if there and not replace:
        raise UsageError(
            where,
            got=f"a folder with {', '.join(sorted(there)[:3])} in it",
            expected="a folder to make, or an empty one",
            hint="Choose another one, or add --replace.",
        )


def _require_apart(keep: Path | None, out: Path) -> None:
    """Refuse a place for windows that is taken, or inside the bundle, which is passed on."""
    if keep is None:
        return
    where = f"--keep-source {str(keep)!r}"
    if keep.resolve().is_relative_to(out.resolve()):
        raise UsageError(
            where,
            got="a folder in the bundle",
            expected="one outside of it",
            hint="A bundle is passed on; the windows of the people who trained it stay.",
        )
    there = {p.name for p in keep.iterdir()} if keep.is_dir() else set()
    if (keep.exists() and not keep.is_dir()) or (there and INDEX not in there):
        raise UsageError(
            where,
            got=f"a folder with {', '.join(sorted(there)[:3])} in it" if there else "a file",
            expected="a folder to make, an empty one, or one of source windows to replace",
        )
