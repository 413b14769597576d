"""Whether the features that a bundle was trained on are ones that this program extracts."""

from hadua.adapters.features.eeg_definitions import eeg_channels, eeg_definition
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
        if modality is Modality.EEG:
            _require_eeg(spec, where=where)
        else:
            _require_eye(spec, where=where)


def _require_eeg(spec: FeatureSpec, *, where: str) -> None:
    try:
        eeg_definition(spec)
    except FeatureMismatchError as error:
        raise FeatureMismatchError(
            f"{where}: its {spec.modality} features are of a definition that cannot be extracted",
            got=spec.label,
            expected=error.expected,
            hint=error.hint,
        ) from None
    try:
        eeg_channels(spec)
    except InvalidInputError as error:
        raise FeatureMismatchError(
            f"{where}: {error.what}", got=error.got, expected=error.expected, hint=error.hint
        ) from None


def _require_eye(spec: FeatureSpec, *, where: str) -> None:
    own = eye_feature_spec(window_s=spec.window_s, hop_s=spec.hop_s)
    if spec.label != own.label:
        raise _mismatch(
            f"{where}: its {spec.modality} features are of another definition",
            got=spec.label,
            expected=own.label,
        )
    if len(spec.names) != len(own.names):
        raise _mismatch(
            f"{where}: number of its {own.label} features",
            got=str(len(spec.names)),
            expected=str(len(own.names)),
        )
    for got, expected in zip(spec.names, own.names, strict=True):
        if got != expected:
            raise _mismatch(
                f"{where}: names of its {own.label} features",
                got=repr(got),
                expected=repr(expected),
            )


def _mismatch(what: str, *, got: str, expected: str) -> FeatureMismatchError:
    return FeatureMismatchError(
        what,
        got=got,
        expected=expected,
        hint="Use a bundle trained on these features, or the version of hadua that wrote it.",
    )
