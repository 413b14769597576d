"""Whether the features that a bundle was trained on are ones that this program extracts."""

from hadua.adapters.features.eeg_entropy import eeg_channels, eeg_feature_spec
from hadua.adapters.features.eye_movement import eye_feature_spec
from hadua.models.bundle import Bundle
from hadua.models.errors import FeatureMismatchError, InvalidInputError
from hadua.models.features import FeatureSpec, Modality


def require_known_features(bundle: Bundle) -> None:
    """Refuse a bundle before any stream is asked for, if no stream could ever suit it.

    Raises:
        FeatureMismatchError: features of another definition, or other names, with both sides.
    """
    where = f"bundle {str(bundle.path)!r}"
    for modality, spec in bundle.specs.items():
        own = _label(modality)
        if spec.label != own:
            raise _mismatch(
                f"{where}: its {modality} features are of another definition",
                got=spec.label,
                expected=own,
            )
        for got, expected in zip(spec.names, _names(spec, where=where), strict=False):
            if got != expected:
                raise _mismatch(
                    f"{where}: names of its {own} features", got=repr(got), expected=repr(expected)
                )


def _label(modality: Modality) -> str:
    if modality is Modality.EEG:
        return eeg_feature_spec(("CZ",), window_s=1.0, hop_s=1.0).label
    return eye_feature_spec(window_s=1.0, hop_s=1.0).label


def _names(spec: FeatureSpec, *, where: str) -> tuple[str, ...]:
    """The names it should have; as many as it has."""
    if spec.modality is Modality.EEG:
        try:
            eeg_channels(spec)
        except InvalidInputError as error:
            raise FeatureMismatchError(
                f"{where}: {error.what}", got=error.got, expected=error.expected, hint=error.hint
            ) from None
        return spec.names
    names = eye_feature_spec(window_s=spec.window_s, hop_s=spec.hop_s).names
    if len(names) != len(spec.names):
        raise _mismatch(
            f"{where}: number of its {spec.label} features",
            got=str(len(spec.names)),
            expected=str(len(names)),
        )
    return names


def _mismatch(what: str, *, got: str, expected: str) -> FeatureMismatchError:
    return FeatureMismatchError(
        what,
        got=got,
        expected=expected,
        hint="Use a bundle trained on these features, or the version of hadua that wrote it.",
    )
