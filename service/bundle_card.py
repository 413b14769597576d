"""Pieces of cards and manifests that trained and exported bundles have in common."""

import re
from collections.abc import Iterable

from pydantic import ValidationError

from hadua.adapters.features.eeg_definitions import EEG_DEFINITIONS
from hadua.adapters.features.eye_movement import eye_feature_spec
from hadua.models.errors import UsageError
from hadua.models.features import FeatureSpec
from hadua.models.manifest import Description

_EYE = eye_feature_spec(window_s=1.0, hop_s=1.0).label
_LICENCE = re.compile(r"^## Licence$.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def describe(**values: object) -> Description:
    """Make a description from values that a person gave.

    Raises:
        UsageError: they cannot be; the message names the first fault.
    """
    try:
        return Description.model_validate(values)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in fault["loc"]) or "the bundle"
        raise UsageError(f"{field} of the bundle", got=str(fault["msg"])) from None


def with_licence(card: str, *, licence: str, data_licence: str) -> str:
    """Write the licences into a card: in place of its section on them, or at its end."""
    section = f"## Licence\n\n{licence_text(licence, data_licence)}\n"
    if _LICENCE.search(card):
        return _LICENCE.sub(lambda _: f"{section}\n", card, count=1).rstrip() + "\n"
    return f"{card.rstrip()}\n\n{section}"


def licence_text(licence: str, data_licence: str) -> str:
    """Say whose terms hold, of the weights and of the data behind them."""
    data = f"\n\nData that they were trained on: {data_licence}" if data_licence else ""
    return f"Weights: {licence}{data}"


def inputs(specs: Iterable[FeatureSpec]) -> list[str]:
    """A line on the input of each modality."""
    return [
        f"{spec.modality}: {len(spec.names)} features of `{spec.label}`, "
        f"window {spec.window_s:g} s, hop {spec.hop_s:g} s, {_made(spec)}"
        for spec in specs
    ]


def bullets(lines: Iterable[str]) -> str:
    """A Markdown list."""
    return "\n".join(f"- {line}" for line in lines)


def _made(spec: FeatureSpec) -> str:
    """How they are smoothed and cleaned, or that nothing here can make them."""
    return f"{_smoothed(spec)}{f'; signal cleaned by {spec.cleaning}' if spec.cleaning else ''}"


def _smoothed(spec: FeatureSpec) -> str:
    if s := spec.smoothing:
        return f"causal Kalman filter q={s.q:g} r={s.r:g} p0={s.p0:g}"
    if spec.label in EEG_DEFINITIONS or spec.label == _EYE:
        return "not smoothed"
    return "as the data set has them: no live stream gives these, and `hadua-serve` refuses them"
