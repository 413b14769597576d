import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.evaluations import CLASSES, evaluation, fold, folds, origin

from hadua.service.evaluation.files import page, read_evaluation, write_evaluation
from hadua.service.evaluation.folds import ResultsError, packed, write_folds


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of a small evaluation."""
    write_evaluation(tmp_path / "results", evaluation())
    return tmp_path / "results"


def table_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    made = evaluation([fold(threshold=0.7), fold("coral", threshold=0.5), fold("source-only")])

    write_evaluation(tmp_path, made)
    back = read_evaluation(tmp_path)

    assert back.rows == made.rows
    assert back.people == made.people
    assert back.provenance == made.provenance
    assert (back.classes, back.titles) == (made.classes, made.titles)
    assert (back.ours, back.reference) == (made.ours, made.reference)
    assert packed(back.folds) == packed(made.folds)


def test_settings_keep_their_types(tmp_path: Path) -> None:
    settings = {"n": 1, "rate": 1.0, "on": True, "none": None, "all": [1, 2.0, {"a": "b"}]}
    made = replace(evaluation([fold()]), provenance=origin(**settings))

    write_evaluation(tmp_path, made)

    back = read_evaluation(tmp_path).provenance.methods["ours"]
    assert {k: type(v) for k, v in back.items()} == {k: type(v) for k, v in settings.items()}
    assert back == settings


def test_writing_again_leaves_the_same_files_and_no_others(folder: Path) -> None:
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    write_evaluation(folder, read_evaluation(folder))

    assert set(before) == {"results.json", "folds.npz", "people.csv", "table.md"}
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_people_have_a_line_each(folder: Path) -> None:
    people = read_evaluation(folder).people
    lines = table_of(folder / "people.csv")

    assert len(lines) == len(people) == 3 * 3 * 2 * 5
    for line, person in zip(lines, people, strict=True):
        assert (line["method"], line["person"]) == (person.method, person.person)
        assert float(line["accuracy"]) == person.accuracy
        assert line["coverage"] == ""
        assert float(line["recall_happy"]) == person.recall[2]


def test_windows_have_a_line_each_if_asked(tmp_path: Path) -> None:
    made = fold(person='a "b", c')
    write_evaluation(tmp_path, evaluation([made]), windows=True)

    lines = table_of(tmp_path / "windows.csv")

    assert [line["true"] for line in lines] == [CLASSES[c] for c in made.y]
    assert [line["predicted"] for line in lines] == [CLASSES[c] for c in made.predicted]
    assert {line["person"] for line in lines} == {'a "b", c'}
    p = np.array([[float(line[f"p_{name}"]) for name in CLASSES] for line in lines])
    assert (p == made.probabilities).all()


def test_the_page_says_what_it_was_made_from() -> None:
    text = page(evaluation())

    for said in ("# Evaluation on synthetic", "seed 7", "de-hann/1", "4 s every 1 s", "numpy"):
        assert said in text
    assert "`hadua evaluate --dataset synthetic`" in text


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("colour", "blue", "colour: Extra inputs are not permitted"),
        ("rows.0.colour", "blue", "rows.0.colour: Unexpected keyword argument"),
        ("people.0.colour", "blue", "people.0.colour: Unexpected keyword argument"),
        ("provenance.data.colour", "blue", "provenance.data.colour: Unexpected"),
        ("schema_version", 2, "schema_version: Input should be 1"),
        ("rows.0.mean", "0.5", "rows.0.mean: Input should be a valid number"),
        ("rows.0.mean", None, "rows.0.mean: Input should be a valid number"),
        ("people.0.protocol", "best", "people.0.protocol: Input should be 'transductive'"),
        ("folds.file", "../folds.npz", "folds.file: Input should be 'folds.npz'"),
    ],
)
def test_results_of_another_schema_are_refused(
    folder: Path, key: str, value: object, what: str
) -> None:
    path = folder / "results.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    *way, last = key.split(".")
    at = content
    for step in way:
        at = at[int(step)] if isinstance(at, list) else at[step]
    at[last] = value
    path.write_text(json.dumps(content), encoding="utf-8")

    with pytest.raises(ResultsError, match=what.replace(".", r"\.")):
        read_evaluation(folder)


def test_a_number_that_is_none_is_refused(folder: Path) -> None:
    path = folder / "results.json"
    text = path.read_text(encoding="utf-8").replace('"seconds": 1.0', '"seconds": NaN', 1)
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ResultsError, match="seconds"):
        read_evaluation(folder)


def test_results_that_are_not_there_or_cut_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"results\.json.*No such file"):
        read_evaluation(tmp_path)
    path = folder / "results.json"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ResultsError, match="Invalid JSON"):
        read_evaluation(folder)


def test_folds_of_another_evaluation_are_refused(folder: Path) -> None:
    write_folds(folder / "folds.npz", folds({"ours": 0.5}))
    with pytest.raises(ResultsError, match="sha256 other than"):
        read_evaluation(folder)
    (folder / "folds.npz").unlink()
    with pytest.raises(ResultsError, match=r"folds\.npz.*No such file"):
        read_evaluation(folder)
