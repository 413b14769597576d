from dataclasses import replace

import pytest
from support.evaluations import evaluation, fold, folds

from hadua.service.evaluation.results import MethodRow
from hadua.service.evaluation.table import caption, further_table, table

ACCURACY = {"source-only": 0.6, "coral": 0.7, "ours": 0.85}


def cells(text: str) -> dict[str, list[str]]:
    """The cells of each line by its first."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    split = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {first: rest for first, *rest in split}


@pytest.fixture(scope="module")
def rows() -> tuple[MethodRow, ...]:
    return evaluation(folds(ACCURACY, n_people=9, n_windows=200)).rows


def test_a_cell_is_mean_deviation_and_worst(rows: tuple[MethodRow, ...]) -> None:
    one = replace(rows[0], mean=0.6451, sd=0.0812, worst=0.5, p_holm=0.0312, protocol="inductive")

    assert cells(table([one]))["Source only"] == ["**64.5 ± 8.1 (50.0)**", "0.031"]


def test_every_protocol_has_its_column_and_its_p(rows: tuple[MethodRow, ...]) -> None:
    text = cells(table(rows))

    head = ["transductive", "p", "inductive", "p", "prequential", "p"]
    assert text["method"] == head
    assert set(text) == {"method", "---", "Source only", "CORAL", "HADUA, ours"}
    assert all(len(line) == len(head) for line in text.values())


def test_the_best_of_each_column_is_bold_and_no_other(rows: tuple[MethodRow, ...]) -> None:
    text = cells(table(rows))

    assert all(cell.startswith("**") for cell in text["HADUA, ours"][::2])
    assert not any("**" in cell for cell in text["CORAL"] + text["Source only"])


def test_what_prints_alike_is_bold_alike(rows: tuple[MethodRow, ...]) -> None:
    inductive = [r for r in rows if r.protocol == "inductive"]
    tied = [replace(r, mean=0.70001 + 0.0001 * k) for k, r in enumerate(inductive)]

    assert table(tied).count("**70.0") == 3


def test_the_leaky_column_is_named_so_and_never_bold() -> None:
    made = folds(ACCURACY, n_people=3, protocols=("inductive", "leaky-best-epoch"))
    made = [f for f in made if (f.method, f.protocol) != ("coral", "leaky-best-epoch")]
    found = evaluation(made).rows

    text = cells(table(found))

    assert text["method"] == ["inductive", "p", "LEAKY: best epoch on test labels"]
    assert "**" not in text["HADUA, ours"][2]
    assert text["CORAL"][2] == "–"  # noqa: RUF001
    assert "comparison with published figures only" in table(found)


def test_small_p_is_not_printed_as_nothing(rows: tuple[MethodRow, ...]) -> None:
    text = cells(table([replace(r, p_holm=1e-9) for r in rows]))

    assert text["CORAL"][1] == "< 0.001"


def test_the_caption_says_who_and_how_often(rows: tuple[MethodRow, ...]) -> None:
    text = caption(rows)

    assert "9 people, 2 seeds" in text
    assert "against HADUA, ours over people, corrected by Holm for the 6 comparisons" in text
    assert "leaky" not in text


@pytest.mark.parametrize(("n_people", "warned"), [(3, True), (15, False)])
def test_the_caption_says_when_no_p_could_be_small(n_people: int, warned: bool) -> None:
    found = evaluation(folds(ACCURACY, n_people=n_people, protocols=("inductive",))).rows

    assert ("no p can be below 0.25" in caption(found)) == warned


def test_one_method_alone_is_compared_with_nothing() -> None:
    text = caption(evaluation([fold()]).rows)

    assert "No test between methods was made." in text
    assert "1 person, 1 seed," in text


def test_names_can_not_break_the_table(rows: tuple[MethodRow, ...]) -> None:
    text = table([replace(rows[0], title="a|b\nc")])

    assert "| a\\|b c |" in text


def test_further_figures_have_a_line_each_and_what_is_not_known_is_empty(
    rows: tuple[MethodRow, ...],
) -> None:
    one = replace(rows[0], auc=None, macro_f1=0.5, negative_transfer=0.25)

    assert len(further_table(rows).splitlines()) == 2 + len(rows) + 2
    line = cells(further_table([one]))["Source only"]
    assert line[:3] == ["transductive", "50.0", ""]
    assert line[5] == "25"
