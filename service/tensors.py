"""Tensors of the Open Inference Protocol (version 2): as they are sent, and as arrays.

What a network takes is what its ONNX graph takes, under the same names: `eeg` (n, T, d) and `eye`
(n, T, d), normalised, and `present` (n, T, 2); what it gives are `logits` (n, n_classes). To a
client it is the same whether this service answers or a server that holds the bundle's `model.onnx`.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt

from hadua.models.errors import InvalidInputError
from hadua.models.features import BoolArray, FloatArray
from hadua.models.runtime import Float32Array, InputShape

LOGITS = "logits"
PRESENT = "present"
_KIND = {"eeg": "FP32", "eye": "FP32", PRESENT: "BOOL"}

Value = StrictBool | StrictFloat | StrictInt
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w.-]+$")]
Size = Annotated[int, Field(ge=0, le=1 << 24)]
Flat = Annotated[list[Value], Field(max_length=1 << 20)]


class SentTensor(BaseModel):
    """One input; `data` may be flat or nested, row by row."""

    model_config = ConfigDict(extra="ignore")

    name: Name
    shape: list[Size] = Field(min_length=1, max_length=4)
    datatype: Literal["FP32", "BOOL"]
    data: Flat | list[Flat] | list[list[Flat]]


class AskedOutput(BaseModel):
    """One output that is wanted."""

    model_config = ConfigDict(extra="ignore")

    name: Name


class Infer(BaseModel):
    """Body of `POST models/{name}/infer`."""

    model_config = ConfigDict(extra="ignore")

    id: str | None = Field(None, max_length=128, description="Comes back with the answer.")
    inputs: list[SentTensor] = Field(min_length=1, max_length=3)
    outputs: list[AskedOutput] | None = Field(None, max_length=1)


class TensorKind(msgspec.Struct, frozen=True, kw_only=True):
    """What a tensor looks like; -1 where a size is free."""

    name: str
    datatype: str
    shape: tuple[int, ...]


class Tensor(msgspec.Struct, frozen=True, kw_only=True):
    """One output."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: tuple[float, ...]


def inputs_of(shape: InputShape) -> tuple[TensorKind, ...]:
    """What a network of this shape takes."""
    widths = {"eeg": shape.n_eeg, "eye": shape.n_eye, PRESENT: 2}
    return tuple(
        TensorKind(name=name, datatype=_KIND[name], shape=(-1, -1, width))
        for name, width in widths.items()
    )


def arrays_of(
    sent: Sequence[SentTensor], shape: InputShape
) -> tuple[Float32Array, Float32Array, BoolArray]:
    """Network input of what was sent: eeg `(n, T, d)`, eye `(n, T, d)`, present `(n, T, 2)`.

    Raises:
        InvalidInputError: naming the tensor that is missing, twice there, or of another shape.
    """
    by_name = {tensor.name: tensor for tensor in sent}
    if len(by_name) != len(sent) or by_name.keys() != _KIND.keys():
        raise InvalidInputError(
            "inputs",
            got=", ".join(tensor.name for tensor in sent),
            expected=f"each of {', '.join(_KIND)} once",
            hint="A modality that is not there is zeros, and false in present.",
        )
    eeg, eye, present = (_array(by_name[kind.name], kind) for kind in inputs_of(shape))
    _require_one_length(eeg, eye, present, context=shape.context)
    return eeg.astype(np.float32), eye.astype(np.float32), present.astype(np.bool_)


def _array(tensor: SentTensor, kind: TensorKind) -> FloatArray:
    what = f"input {tensor.name!r}"
    fits = len(tensor.shape) == 3 and tensor.shape[2] == kind.shape[2] and tensor.shape[0] > 0
    if not fits or tensor.datatype != kind.datatype:
        raise InvalidInputError(
            what,
            got=f"{tensor.datatype} of shape {tensor.shape}",
            expected=f"{kind.datatype} of shape [n, T, {kind.shape[2]}]",
        )
    try:
        values = np.array(tensor.data, np.float64)
    except ValueError:
        raise InvalidInputError(
            what, got="rows of different lengths", expected=f"data of shape {tensor.shape}"
        ) from None
    except OverflowError:  # an integer of hundreds of digits
        raise _not_finite(what) from None
    if values.size != math.prod(tensor.shape) or values.shape not in (
        (values.size,),
        tuple(tensor.shape),
    ):
        raise InvalidInputError(
            what, got=f"data of shape {list(values.shape)}", expected=f"{tensor.shape}, or flat"
        )
    _require_values(what, values, is_flag=kind.datatype == "BOOL")
    return values.reshape(tensor.shape)


def _require_values(what: str, values: FloatArray, *, is_flag: bool) -> None:
    if is_flag and not np.isin(values, (0.0, 1.0)).all():
        raise InvalidInputError(what, got="a value that is neither", expected="true or false")
    if not (np.abs(values) <= np.finfo(np.float32).max).all():
        raise _not_finite(what)


def _not_finite(what: str) -> InvalidInputError:
    return InvalidInputError(
        what, got="a value that is no finite float32", expected="finite, normalised features"
    )


def _require_one_length(*arrays: FloatArray, context: int) -> None:
    shapes = {array.shape[:2] for array in arrays}
    if len(shapes) != 1 or not 1 <= next(iter(shapes))[1] <= context:
        raise InvalidInputError(
            "inputs",
            got=f"(n, T) of {', '.join(str(tuple(array.shape[:2])) for array in arrays)}",
            expected=f"one (n, T) for all of them, T = 1 to {context}",
        )
