"""A bundle from weights that were trained with the authors' code."""

import hashlib
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import torch

from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.features.eeg_definitions import EEG_DEFINITIONS
from hadua.adapters.features.eye_movement import EYE_33
from hadua.models.bundle import Bundle
from hadua.models.errors import UsageError
from hadua.models.export import export_bundle
from hadua.models.feature_part import FeaturePart
from hadua.models.features import FeatureSpec, FloatArray, Modality
from hadua.models.manifest import Description, NormalisationPart
from hadua.models.network import HaduaNetwork
from hadua.models.official import load_official
from hadua.service.bundle_card import bullets, describe, inputs, licence_text
from hadua.service.export_requests import OfficialRequest
from hadua.service.official_files import IDENTITY, read_normalisation, read_state_dict

_SMOOTHED = ("seed-de-lds/1", "seed-de-movingave/1")
_BANDS = 5
_NAME = re.compile(r"([a-z0-9][a-z0-9._-]*)/([1-9]\d*)")
_NOTICE = "Weights trained elsewhere: this bundle knows no figure of how well they do."


def export_official(request: OfficialRequest) -> Bundle:
    """Write the bundle, its exports compared with the network.

    Raises:
        UsageError: flags that do not fit the weights.
        BundleError: weights that are not the published network's, or files that cannot be read.
    """
    state = read_state_dict(request.official)
    network = load_official(state)
    _require_classes(request.classes, network)
    specs = {s.modality: s for s in (eeg_spec(request, network.n_eeg), eye_spec(request, network))}
    scales = read_normalisation(request.normalisation, n_eeg=network.n_eeg, n_eye=network.n_eye)
    order = _order(request, network.n_eeg)
    _reorder(network, order)
    eeg_mean, eeg_std, eye_mean, eye_std = scales
    description = describe(
        name=request.name,
        version=request.version,
        classes=request.classes,
        features={m: FeaturePart.of(spec) for m, spec in specs.items()},
        normalisation={
            Modality.EEG: _part(eeg_mean[order], eeg_std[order]),
            Modality.EYE: _part(eye_mean, eye_std),
        },
        context=1,
        notice=_NOTICE,
        licence=request.licence,
        data_licence=request.data_licence,
        provenance=_provenance(request),
    )
    return export_bundle(
        network,
        path=request.out,
        description=description,
        card=request.card or _card(request, description, specs),
        replace=request.replace and request.out.exists(),
    )


def eeg_spec(request: OfficialRequest, n: int) -> FeatureSpec:
    """The spec of its EEG features; those of a known definition are named by channel and band."""
    definition, number = _definition(request.eeg_features, flag="--eeg-features")
    plain = "seed-de/1" if request.eeg_features in _SMOOTHED else request.eeg_features
    if plain in EEG_DEFINITIONS:
        channels = request.channels or SEED_62
        names = EEG_DEFINITIONS[plain].names(channels)
        if n != len(names):
            raise UsageError(
                f"--eeg-features {request.eeg_features} of {len(channels)} channels",
                got=f"weights of {n} EEG features",
                expected=f"{len(names)}",
                hint="Name the channels that the weights were trained on with --channels.",
            )
    elif request.channels is not None:
        raise UsageError(
            f"--channels with --eeg-features {request.eeg_features}",
            expected=f"one of {', '.join((*EEG_DEFINITIONS, *_SMOOTHED))}",
            hint="Features of another definition are numbered; leave --channels out.",
        )
    else:
        names = _numbered(definition, n)
    return FeatureSpec(Modality.EEG, definition, number, names, request.window_s, request.hop_s)


def eye_spec(request: OfficialRequest, network: HaduaNetwork) -> FeatureSpec:
    """The spec of its eye features: by number, for the published order is not documented."""
    definition, number = _definition(request.eye_features, flag="--eye-features")
    names = _numbered(definition, network.n_eye)
    if definition == "hadua-eye":
        if network.n_eye != len(EYE_33):
            raise UsageError(
                f"--eye-features {request.eye_features}",
                got=f"weights of {network.n_eye} eye features",
                expected=str(len(EYE_33)),
            )
        names = EYE_33
    return FeatureSpec(Modality.EYE, definition, number, names, request.eye_window_s, request.hop_s)


def _definition(text: str, *, flag: str) -> tuple[str, int]:
    match = _NAME.fullmatch(text)
    if match is None:
        raise UsageError(f"{flag} {text!r}", expected="a name and a version, as in seed-de/1")
    return match[1], int(match[2])


def _numbered(definition: str, n: int) -> tuple[str, ...]:
    return tuple(f"{definition}:{k:0{len(str(n))}d}" for k in range(1, n + 1))


def _order(request: OfficialRequest, n: int) -> list[int]:
    """Where each feature of the bundle stands in the weights' own order."""
    if request.eeg_order == "channel-major":
        return list(range(n))
    if n % _BANDS:
        raise UsageError(
            "--eeg-order band-major", got=f"{n} EEG features", expected="five bands of each"
        )
    channels = n // _BANDS
    return [channel + channels * band for channel in range(channels) for band in range(_BANDS)]


def _reorder(network: HaduaNetwork, order: list[int]) -> None:
    """Let the network take its EEG features channel by channel, as bundles have them."""
    first = next(layer for layer in network.eeg.layers if isinstance(layer, torch.nn.Linear))
    with torch.no_grad():
        first.weight.copy_(first.weight[:, order].clone())


def _require_classes(classes: tuple[str, ...], network: HaduaNetwork) -> None:
    if len(classes) != network.n_classes:
        raise UsageError(
            "--classes",
            got=f"{len(classes)} names: {', '.join(classes)}",
            expected=f"{network.n_classes}, for that many logits",
        )


def _part(mean: FloatArray, std: FloatArray) -> NormalisationPart:
    return NormalisationPart(mean=tuple(mean.tolist()), std=tuple(std.tolist()))


def _provenance(request: OfficialRequest) -> dict[str, str]:
    files = [request.official]
    if request.normalisation != IDENTITY:
        files.append(Path(request.normalisation))
    return {
        "data": "not known here: the weights were trained elsewhere, with the authors' code",
        "EEG order of the weights": request.eeg_order,
        **{f"version of {p}": version(p) for p in ("hadua", "torch", "numpy")},
        **{f"sha256 of {f.name}": hashlib.sha256(f.read_bytes()).hexdigest() for f in files},
    }


def _card(
    request: OfficialRequest, description: Description, specs: Mapping[Modality, FeatureSpec]
) -> str:
    scaled = "not scaled" if request.normalisation == IDENTITY else "scaled by stored statistics"
    facts = (
        f"read from `{request.official.name}`, EEG features {request.eeg_order} there and "
        "channel-major here",
        f"its input is {scaled}; temperature {description.temperature:g}, abstains below "
        f"{description.abstain_below:g}: neither was fitted",
        *(f"{k}: {v}" for k, v in description.provenance.items()),
    )
    sections = {
        "Input": bullets(inputs(specs.values())),
        "Scores": "None. Evaluate it on people whom it was not trained on before you trust it.",
        "Weights": bullets(facts),
        "Licence": licence_text(request.licence, request.data_licence),
    }
    body = [f"## {head}\n\n{text}" for head, text in sections.items()]
    return "\n\n".join([f"# {request.name}", f"**{_NOTICE}**", *body]) + "\n"
