"""The card of a bundle: what it is, what it was made from, and what its figures are worth."""

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version

from hadua.models.features import FeatureSpec
from hadua.service.training_run import Outcome, Plan, ScoreRow
from hadua.service.training_sets import TrainingSet


def card(
    title: str, *, notice: str, licence: str, data: TrainingSet, plan: Plan, outcome: Outcome
) -> str:
    """Write the card, Markdown; the same arguments give the same text."""
    sections = {
        "Data": _bullets(data.provenance),
        "Input": _bullets(_inputs(data.specs.values())),
        "Scores": "\n\n".join(
            (outcome.protocol, _table(outcome.rows), _EXPLANATION, _verdict(outcome.rows))
        ).rstrip(),
        "Training": _bullets(_training(plan, outcome)),
        "Licence": licence,
        "Recordings": _bullets(f"`{h}` {name}" for name, h in data.hashes.items()),
    }
    body = [f"## {head}\n\n{text}" for head, text in sections.items() if text]
    return "\n\n".join([f"# {title}", f"**{notice}**", *body]) + "\n"


def provenance(data: TrainingSet, plan: Plan) -> Mapping[str, str]:
    """What the manifest says of where the weights come from."""
    return {
        "data": " ".join(data.provenance),
        "seed": str(plan.seed),
        **{f"version of {name}": version(name) for name in _PACKAGES},
        **{f"sha256 of {name}": value for name, value in data.hashes.items()},
    }


_PACKAGES = ("hadua", "torch", "numpy")
_EXPLANATION = (
    "Accuracy and macro-F1 are over windows; neighbouring windows overlap and are not independent. "
    "Chance is the accuracy of always naming the commonest class."
)


def _inputs(specs: Iterable[FeatureSpec]) -> list[str]:
    return [
        f"{spec.modality}: {len(spec.names)} features of `{spec.label}`, "
        f"window {spec.window_s:g} s, hop {spec.hop_s:g} s, {_smoothing(spec)}"
        for spec in specs
    ]


def _smoothing(spec: FeatureSpec) -> str:
    s = spec.smoothing
    return f"causal Kalman filter q={s.q:g} r={s.r:g} p0={s.p0:g}" if s else "not smoothed"


def _training(plan: Plan, outcome: Outcome) -> list[str]:
    recipe, trained = plan.recipe, outcome.trained
    return [
        f"supervised, cross-entropy, {trained.n_windows} labelled windows, classes drawn evenly",
        f"context {plan.context} windows; AdamW, highest rate {recipe.rate:g}, weight decay "
        f"{recipe.weight_decay:g}, batch {recipe.batch}, {recipe.epochs} epochs, seed {plan.seed}",
        f"last epoch's loss {trained.losses[-1]:.4f}; temperature {outcome.temperature:.3f}, "
        "fitted on people who did not train the network that gave the logits",
        ", ".join(f"{name} {version(name)}" for name in _PACKAGES),
    ]


def _table(rows: Sequence[ScoreRow]) -> str:
    lines = ["| | accuracy | macro-F1 | chance | windows |", "|---|---|---|---|---|"]
    for row in rows:
        s = row.scores
        lines.append(
            f"| {row.what} | {s.accuracy:.3f} | {s.macro_f1:.3f} | {s.chance:.3f} | {s.n_windows} |"
        )
    return "\n".join(lines)


def _verdict(rows: Sequence[ScoreRow]) -> str:
    if any(row.scores.accuracy > row.scores.chance for row in rows):
        return ""
    return (
        "**No figure is above chance**: on people it was not trained on, this model does not know "
        "the answer. It is an example of the path from recordings to predictions, nothing more."
    )


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
