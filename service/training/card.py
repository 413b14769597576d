"""The card of a bundle: what it is, what it was made from, and what its figures are worth."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Protocol

from hadua.models.features import FeatureSpec, Modality
from hadua.service.bundle_card import bullets, inputs, licence_text
from hadua.service.training.run import Outcome, Plan, ScoreRow


class Described(Protocol):
    """What a card says of data: `FeatureSet` and `TrainingSet` do."""

    @property
    def specs(self) -> Mapping[Modality, FeatureSpec]:
        """Features of each modality."""
        ...

    @property
    def provenance(self) -> tuple[str, ...]:
        """What the data are and where from."""
        ...

    @property
    def hashes(self) -> Mapping[str, str]:
        """Content hash of every file, by name."""
        ...


def card(
    title: str,
    *,
    notice: str,
    licence: str,
    data_licence: str,
    data: Described,
    plan: Plan,
    outcome: Outcome,
) -> str:
    """Write the card, Markdown; the same arguments give the same text."""
    sections = {
        "Data": bullets(data.provenance),
        "Input": bullets(inputs(data.specs.values())),
        "Scores": "\n\n".join(
            (outcome.protocol, _table(outcome.rows), _explanation(data), _verdict(outcome.rows))
        ).rstrip(),
        "Training": bullets(_training(plan, outcome)),
        "Abstention": outcome.abstention,
        "Adaptation": " ".join(filter(None, (outcome.adaptation, _check_set(outcome)))),
        "Licence": licence_text(licence, data_licence) if data_licence else licence,
        "Recordings": bullets(f"`{h}` {name}" for name, h in data.hashes.items()),
    }
    body = [f"## {head}\n\n{text}" for head, text in sections.items() if text]
    return "\n\n".join([f"# {title}", f"**{notice}**", *body]) + "\n"


def provenance(data: Described, plan: Plan) -> Mapping[str, str]:
    """What the manifest says of where the weights come from."""
    return {
        "data": " ".join(data.provenance),
        "seed": str(plan.seed),
        **{f"version of {name}": version(name) for name in _PACKAGES},
        **{f"sha256 of {name}": value for name, value in data.hashes.items()},
    }


_PACKAGES = ("hadua", "torch", "numpy")


def _check_set(outcome: Outcome) -> str:
    if outcome.check_set is None:
        return ""
    return (
        f"Check set: {len(outcome.check_set)} labelled windows of people who set the temperature "
        "are in the bundle, to notice an adaptation that forgets what the network knew."
    )


def _explanation(data: Described) -> str:
    overlap = any(spec.hop_s < spec.window_s for spec in data.specs.values())
    alike = "neighbouring windows overlap and" if overlap else "windows of a trial are alike and"
    return (
        f"Accuracy and macro-F1 are over windows; {alike} are not independent. "
        "Chance is the accuracy of always naming the commonest class."
    )


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
