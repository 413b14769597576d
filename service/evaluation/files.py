"""The files of an evaluation: all of it as JSON and arrays, people as CSV, a table to read.

`results.json` holds every figure and where it comes from, `folds.npz` every probability; together
they are the evaluation. The rest is for people and spreadsheets, and can be made again from these.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hadua.service.atomic_file import write_whole
from hadua.service.evaluation.folds import ResultsError, packed, unpacked
from hadua.service.evaluation.provenance import Provenance
from hadua.service.evaluation.results import Evaluation, FoldResult, MethodRow, PersonScore
from hadua.service.evaluation.table import further_table, table

RESULTS, FOLDS, PEOPLE, WINDOWS, TABLE = (
    "results.json",
    "folds.npz",
    "people.csv",
    "windows.csv",
    "table.md",
)
SCHEMA_VERSION = 1
_Cell = str | float | int | None


class _FoldsPart(BaseModel):
    """The file of the folds, so that a damaged or foreign one shows."""

    model_config = ConfigDict(extra="forbid", strict=True)

    file: Literal["folds.npz"]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Results(BaseModel):
    """Schema of `results.json`."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    schema_version: Literal[1]
    provenance: Provenance
    classes: tuple[str, ...]
    titles: dict[str, str]
    ours: str
    reference: str
    rows: tuple[MethodRow, ...]
    people: tuple[PersonScore, ...]
    folds: _FoldsPart


def write_evaluation(folder: Path, evaluation: Evaluation, *, windows: bool = False) -> None:
    """Write `results.json`, `folds.npz`, `people.csv` and `table.md`, each whole or not at all.

    `results.json` comes last and names the sha256 of the folds: a folder in which it is there and
    can be read is complete.

    Args:
        folder: Made if it is not there.
        evaluation: What to write.
        windows: Whether to write `windows.csv`, a line per window and fold, as well.
    """
    folds = packed(evaluation.folds)
    write_whole(folder / FOLDS, folds)
    write_whole(folder / PEOPLE, _csv(_people(evaluation)))
    if windows:
        write_whole(folder / WINDOWS, _csv(_windows(evaluation)))
    write_whole(folder / TABLE, page(evaluation).encode())
    sha256 = hashlib.sha256(folds).hexdigest()
    write_whole(folder / RESULTS, _json(evaluation, sha256=sha256))


def read_evaluation(folder: Path) -> Evaluation:
    """Read what `write_evaluation` wrote.

    Raises:
        ResultsError: a file that is missing, damaged, of another version, or with unknown keys.
    """
    path = folder / RESULTS
    try:
        results = _Results.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ResultsError(
            f"results {str(path)!r}",
            got=_reason(error),
            expected=f"a file of schema version {SCHEMA_VERSION}, with no other keys",
        ) from error
    return Evaluation(
        results.provenance,
        results.classes,
        results.titles,
        results.ours,
        results.reference,
        results.rows,
        results.people,
        _folds(folder / FOLDS, sha256=results.folds.sha256),
    )


def page(evaluation: Evaluation) -> str:
    """The tables with what they were made from, as Markdown."""
    p = evaluation.provenance
    origin = f"{len(p.data.files)} files" if p.data.files else f"seed {p.data.generator_seed}"
    features = ", ".join(
        f"{f.modality}: {f.definition}, {f.n_features} features, {f.window_s:g} s every "
        f"{f.hop_s:g} s"
        for f in p.features
    )
    versions = ", ".join(f"{name} {version}" for name, version in p.versions.items() if version)
    return "\n\n".join(
        [
            f"# Evaluation on {p.data.name}",
            table(evaluation.rows).rstrip(),
            further_table(evaluation.rows).rstrip(),
            f"- Data: {p.data.name} ({origin}), classes {', '.join(evaluation.classes)}\n"
            f"- Features: {features}\n"
            f"- Protocol: {p.protocol}\n"
            f"- Seeds: {', '.join(map(str, p.seeds))}\n"
            f"- Started {p.started}, source {p.git_revision or 'not from a checkout'}\n"
            f"- {versions}; {p.platform}\n"
            f"- `{' '.join(p.command)}`\n",
        ]
    )


def _folds(path: Path, *, sha256: str) -> tuple[FoldResult, ...]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ResultsError(f"folds {str(path)!r}", got=_reason(error)) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ResultsError(
            f"folds {str(path)!r}",
            got="a sha256 other than the one in results.json",
            hint="The file was damaged, or belongs to another evaluation: run it again.",
        )
    return unpacked(content, where=str(path))


def _json(evaluation: Evaluation, *, sha256: str) -> bytes:
    content = {
        "schema_version": SCHEMA_VERSION,
        "provenance": asdict(evaluation.provenance),
        "classes": evaluation.classes,
        "titles": dict(evaluation.titles),
        "ours": evaluation.ours,
        "reference": evaluation.reference,
        "rows": [asdict(row) for row in evaluation.rows],
        "people": [asdict(person) for person in evaluation.people],
        "folds": {"file": FOLDS, "sha256": sha256},
    }
    return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1).encode() + b"\n"


def _people(evaluation: Evaluation) -> Iterable[list[_Cell]]:
    figures = [f.name for f in fields(PersonScore) if f.name not in ("recall", "confusion")]
    yield [*figures, *(f"recall_{name}" for name in evaluation.classes)]
    for person in evaluation.people:
        values = asdict(person)
        yield [*(values[name] for name in figures), *person.recall]


def _windows(evaluation: Evaluation) -> Iterable[list[_Cell]]:
    classes = evaluation.classes
    head = ["method", "protocol", "seed", "person", "session", "order", "true", "predicted"]
    yield [*head, *(f"p_{name}" for name in classes)]
    for fold in evaluation.folds:
        which: list[_Cell] = [fold.method, fold.protocol, fold.seed, fold.person]
        columns = (fold.session, fold.order, fold.y, fold.predicted, fold.probabilities)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for session, order, y, predicted, p in rows:
            yield [*which, session, order, classes[y], classes[predicted], *p]


def _csv(lines: Iterable[list[_Cell]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue().encode()


def _reason(error: OSError | ValidationError) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
