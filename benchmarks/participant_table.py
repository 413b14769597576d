"""The table of new participants as Markdown, with what it says and how it was made."""

from collections.abc import Mapping, Sequence

from participant_scores import Figures

_ABOUT = {
    "synthetic": (
        "Synthetic population (`docs/population.md`): a bundle trained on 14 people, ten others "
        "met in three sittings of 15 clips each, windows of 4 s, in recorded order."
    ),
    "muse": (
        "Real Muse EEG, flicker of 30 or 20 Hz: each of three people met by a bundle trained on "
        "the other two, windows of 2 s every 0.5 s, the first two fifths of the recordings as "
        "first sitting. Two people are too few for embeddings: nothing here is source-free."
    ),
}
_LEGEND = (
    "Calibrated: adapted to the first sitting, then left alone. Online: followed from the first "
    "window on. Both: adapted to the first sitting, then followed.",
    "",
    "Accuracy in per cent over the windows of the sittings after the first: mean ± standard "
    "deviation over people, and the worst person. Hurt: share of people who lose more than one "
    "point to the bundle as shipped. Benefit: median over people of the minutes of their stream "
    "until more windows were right than with the bundle as shipped, for good; in brackets the "
    "share who never get there. First sitting: what was served during it; whoever is being "
    "calibrated is answered by the bundle as shipped. p: two-sided Wilcoxon signed-rank test over "
    "people, Holm-corrected over the table, against ours in the same way (calibrated: "
    "source-free); the rest of ours, and what does not adapt, against both.",
)


def table(
    name: str,
    rows: Sequence[Figures],
    *,
    met: Mapping[int, int],
    versions: Mapping[str, str | None],
) -> str:
    """The rows and their words."""
    lines = [
        "# Meeting new participants",
        "",
        _ABOUT[name],
        "",
        "| | accuracy | worst | hurt | benefit after | first sitting | p |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(_line(row) for row in rows),
        "",
        *_LEGEND,
        "",
        *_roll_backs(rows),
        "- People met: " + ", ".join(f"{n} of seed {seed}" for seed, n in met.items()) + ".",
        "- " + ", ".join(f"{k} {v}" for k, v in versions.items() if v),
        "",
    ]
    return "\n".join(lines)


def _line(row: Figures) -> str:
    accuracy = f"{_points(row.mean)} ± {_points(row.sd)}"
    name, accuracy = (f"**{x}**" if _is_ours(row.name) else x for x in (row.name, accuracy))
    benefit = "never" if row.benefit_min is None else f"{row.benefit_min:.0f} min"
    benefit = "" if row.name == "un-adapted" else f"{benefit} ({row.never:.0%})"
    p = "" if row.p is None else "< 0.001" if row.p < 0.001 else f"{row.p:.3f}"
    figures = (_points(row.worst), f"{row.hurt:.0%}", benefit, _points(row.first), p)
    return f"| {' | '.join((name, accuracy, *figures))} |"


def _roll_backs(rows: Sequence[Figures]) -> list[str]:
    return [
        f"- Roll-backs, {row.name}: "
        + (", ".join(f"{n} for {bound}" for bound, n in row.rolled_back.items()) or "none")
        for row in rows
        if row.name in ("ours, online", "ours, both")
    ]


def _points(share: float) -> str:
    return f"{100.0 * share:.1f}"


def _is_ours(name: str) -> bool:
    return name.startswith("ours")
