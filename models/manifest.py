"""What a bundle says about itself: the schema of its `manifest.json`."""

import json
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from hadua.models.errors import BundleError, InvalidInputError
from hadua.models.feature_part import FeaturePart, Strict, Text
from hadua.models.features import Modality

WEIGHTS, ONNX, TORCHSCRIPT, CARD = "weights.safetensors", "model.onnx", "model.ts", "card.md"
EMBEDDINGS, CHECK_SET = "embeddings.safetensors", "check.safetensors"
REQUIRED_FILES = (WEIGHTS, ONNX, TORCHSCRIPT, CARD)
OPTIONAL_FILES = (EMBEDDINGS, CHECK_SET)
FileName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}\.(safetensors|onnx|ts|md|json)$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class NormalisationPart(Strict):
    """Mean and standard deviation of each feature over the training data."""

    mean: tuple[float, ...]
    std: tuple[Annotated[float, Field(gt=0.0)], ...]


class FilePart(Strict):
    """One file of the bundle, so that a damaged one shows."""

    size_bytes: int = Field(ge=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Description(Strict):
    """What the author of a bundle decides; the manifest adds the files.

    Args:
        name: Short name, as in `hadua-demo`.
        version: The author's version of it.
        classes: Class names in the order of the logits.
        features: What each modality's input is.
        normalisation: What its values are normalised by.
        context: Windows that an answer depends on, the newest included: 1, or 3 and more.
        temperature: Divides the logits before the softmax.
        abstain_below: Least confidence at which a label is given; 0 gives one always.
        min_coverage: Least share of the features a device must provide, by modality.
        demo: True if its scores mean nothing outside a demonstration.
        notice: Shown to the people whose data goes in.
        licence: Licence of the weights.
        data_licence: Terms of the data that they were trained on; empty if nothing is said.
        provenance: Where it comes from: data, seeds, versions.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    version: Text
    classes: tuple[Text, ...] = Field(min_length=2)
    features: dict[Modality, FeaturePart] = Field(min_length=1)
    normalisation: dict[Modality, NormalisationPart]
    context: int = Field(ge=1, le=64)
    temperature: float = Field(default=1.0, gt=0.0)
    abstain_below: Share = 0.0
    min_coverage: dict[Modality, Share] = Field(
        default_factory=lambda: {Modality.EEG: 0.8, Modality.EYE: 0.5}
    )
    demo: bool = False
    notice: str = ""
    licence: Text
    data_licence: str = ""
    provenance: dict[str, str] = Field(default_factory=dict)

    @field_validator("context")
    @classmethod
    def _context_is_one_or_spans_time(cls, context: int) -> int:
        if context == 2:
            raise ValueError(
                "with 2 windows one of the attentions over time would see a single one; "
                "expected 1, or 3 and more"
            )
        return context

    @model_validator(mode="after")
    def _sides_agree(self) -> Self:
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"class names are not unique: {', '.join(self.classes)}")
        for modality, part in self.features.items():
            _check_spec(part, modality)
            _check_lengths(self.normalisation.get(modality), part, modality)
            if modality not in self.min_coverage:
                raise ValueError(f"min_coverage for {modality} is missing")
        if unknown := set(self.normalisation) - set(self.features):
            raise ValueError(f"normalisation for {', '.join(unknown)}, which has no features")
        if len({part.hop_s for part in self.features.values()}) != 1:
            raise ValueError("the modalities have different hop_s: they share one grid")
        return self

    def width(self, modality: Modality) -> int:
        """Number of features of a modality, 0 if the model has no such input."""
        return len(self.features[modality].names) if modality in self.features else 0


class Manifest(Description):
    """A bundle's `manifest.json`."""

    format_version: Literal[1] = 1
    files: dict[FileName, FilePart]

    @model_validator(mode="after")
    def _all_files_named(self) -> Self:
        if missing := [name for name in REQUIRED_FILES if name not in self.files]:
            raise ValueError(f"files does not name {', '.join(missing)}")
        return self

    @property
    def source_free(self) -> bool:
        """Whether it carries what adaptation needs in place of source windows."""
        return EMBEDDINGS in self.files

    def to_bytes(self) -> bytes:
        """The manifest as stored; the same manifest gives the same bytes."""
        stored = self.model_dump(mode="json")
        return (json.dumps(stored, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def parse_manifest(data: bytes, *, where: str) -> Manifest:
    """Read a manifest.

    Raises:
        BundleError: It is not JSON, or not a manifest; the message names the first fault.
    """
    try:
        return Manifest.model_validate_json(data)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in fault["loc"]) or "the manifest"
        more = error.error_count() - 1
        raise BundleError(
            f"{where}: the manifest is not valid",
            got=f"{field}: {fault['msg']}" + (f" (and {more} more faults)" if more else ""),
            expected="a manifest of format_version 1",
            hint="Export the bundle again, or use the hadua version that wrote it.",
        ) from None


def _check_spec(part: FeaturePart, modality: Modality) -> None:
    try:
        part.spec(modality)
    except InvalidInputError as error:
        raise ValueError(str(error)) from None


def _check_lengths(
    normalisation: NormalisationPart | None, part: FeaturePart, modality: Modality
) -> None:
    if normalisation is None:
        raise ValueError(f"normalisation for {modality} is missing")
    n = len(part.names)
    if len(normalisation.mean) != n or len(normalisation.std) != n:
        raise ValueError(
            f"normalisation for {modality} has {len(normalisation.mean)} means and "
            f"{len(normalisation.std)} standard deviations for {n} features"
        )
