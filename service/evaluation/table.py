"""The table that an evaluation ends in, as Markdown, with a caption that says what it compares."""

from collections.abc import Sequence

from hadua.service.evaluation.results import (
    LEAKY,
    PROTOCOL_TITLES,
    PROTOCOLS,
    MethodRow,
    Protocol,
)

_ALPHA = 0.05


def table(rows: Sequence[MethodRow]) -> str:
    """Accuracy of every method, a column per protocol, and the caption.

    A cell is mean ± standard deviation over people in per cent, the worst person in brackets. The
    best mean of a column is bold, but for the leaky one, which is no result.
    """
    protocols = _protocols(rows)
    cells = {(r.method, r.protocol): r for r in rows}
    head = ["method"]
    for protocol in protocols:
        head += [PROTOCOL_TITLES[protocol]] + ["p"] * (protocol != LEAKY)
    lines = [_line(head), _line(["---"] + ["---:"] * (len(head) - 1))]
    for method, title in {r.method: r.title for r in rows}.items():
        line = [_text(title)]
        for protocol in protocols:
            row = cells.get((method, protocol))
            line += [accuracy(row, _best(rows, protocol))]
            line += [_p(row)] * (protocol != LEAKY)
        lines.append(_line(line))
    return "\n".join([*lines, "", caption(rows), ""])


def further_table(rows: Sequence[MethodRow]) -> str:
    """The other figures, a line per method and protocol."""
    head = [
        "method",
        "protocol",
        "macro-F1",
        "AUC",
        "ECE",
        "worst person",
        "lose > 1 point",
        "answered",
        "accuracy of answered",
        "sd over seeds",
        "s per fold",
    ]
    lines = [_line(head), _line(["---"] * 2 + ["---:"] * (len(head) - 2))]
    lines += [
        _line(
            [
                _text(r.title),
                PROTOCOL_TITLES[r.protocol],
                _percent(r.macro_f1),
                _percent(r.auc),
                _percent(r.ece),
                f"{_text(r.worst_person)} ({_percent(r.worst)})",
                _percent(r.negative_transfer, decimals=0),
                _percent(r.coverage),
                _percent(r.answered_accuracy),
                _percent(r.seed_sd),
                f"{r.seconds:.1f}",
            ]
        )
        for r in sorted(rows, key=lambda r: r.protocol == LEAKY)
    ]
    note = (
        "Means over people, in per cent but for the time. ECE: expected calibration error, "
        "15 bins. Lose > 1 point: share of people who are worse off than under the reference."
    )
    return "\n".join([*lines, "", note, ""])


def caption(rows: Sequence[MethodRow]) -> str:
    """What the table compares, over whom, and what its figures can not say."""
    people = sorted({r.n_people for r in rows})
    seeds = sorted({r.n_seeds for r in rows})
    who = "person" if people == [1] else "people"
    parts = [
        f"Accuracy in per cent on people left out of the training data: mean ± standard deviation "
        f"over people (worst person). {_range(people)} {who}, {_range(seeds)} "
        f"{'seed' if seeds == [1] else 'seeds'}, averaged for each person first. "
        f"Bold: best mean of its column.",
        _about_p(rows),
    ]
    if any(r.protocol == LEAKY for r in rows):
        parts.append(
            "The leaky column chose the epoch on the labels that it is scored on. It is there for "
            "comparison with published figures only: no such accuracy can be had in use, and no "
            "test is made on it."
        )
    return " ".join(part for part in parts if part)


def _about_p(rows: Sequence[MethodRow]) -> str:
    tested = [r for r in rows if r.p_value is not None]
    ours = next((r.title for r in rows if r.is_ours), None)
    if not tested or ours is None:
        return "No test between methods was made."
    smallest = 2.0 ** (1 - min(r.n_people for r in tested))
    text = (
        f"p: two-sided Wilcoxon signed-rank test against {_text(ours)} over people, corrected by "
        f"Holm for the {len(tested)} comparisons of this table; pairs without a difference are "
        f"left out."
    )
    if smallest * len(tested) > _ALPHA:
        text += (
            f" With so few people no p can be below {smallest:.2g} before correction: a p that is "
            f"not small says nothing here."
        )
    return text


def _protocols(rows: Sequence[MethodRow]) -> list[Protocol]:
    there = {r.protocol for r in rows}
    return [p for p in PROTOCOLS if p in there]


def _best(rows: Sequence[MethodRow], protocol: Protocol) -> str | None:
    """Best mean of a column as it is printed, so that what looks equal is bold alike."""
    means = [r.mean for r in rows if r.protocol == protocol]
    return _percent(max(means)) if means and protocol != LEAKY else None


def accuracy(row: MethodRow | None, best: str | None) -> str:
    """A cell: mean ± standard deviation, the worst in brackets; bold where the mean is `best`."""
    if row is None:
        return "–"  # noqa: RUF001
    spread = "" if row.sd is None else f" ± {_percent(row.sd)}"
    text = f"{_percent(row.mean)}{spread} ({_percent(row.worst)})"
    return f"**{text}**" if _percent(row.mean) == best else text


def _p(row: MethodRow | None) -> str:
    if row is None or row.p_holm is None:
        return ""
    return "< 0.001" if row.p_holm < 0.001 else f"{row.p_holm:.3f}"


def _percent(share: float | None, *, decimals: int = 1) -> str:
    return "" if share is None else f"{100.0 * share:.{decimals}f}"


def _range(numbers: Sequence[int]) -> str:
    low, high = numbers[0], numbers[-1]
    return f"{low}" if low == high else f"{low} to {high}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(words: str) -> str:
    """Words that can not end the cell they stand in."""
    return words.replace("|", "\\|").replace("\n", " ")
