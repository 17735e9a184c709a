"""Model files: safetensors weights whose header carries a card. No pickle is ever read here.

A file is judged before it is believed: first its header, then the card, then whether the declared tensors are
those of the card's network; only then are the weights read, so memory stays within the size of the file.
Which kinds of cards there are is told in `bundle.py` and `bundle.py`.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypeVar

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as read_tensors
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor, nn

from ..base.errors import ModelError, OutputError
from ..base.package import RESOURCES
from .card import Frozen

MAX_HEADER_BYTES = 16 * 2**20
_FLOATS = ("F64", "F32", "F16", "BF16")
_INTEGERS = ("I64", "I32", "I16", "I8", "U8", "BOOL")
_CHECKPOINT_SUFFIXES = (".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".bin")

#: Names of cards in headers -> what such a model is, said where another kind is wanted.
PURPOSES = {
    "mce_model_card": "a mapping model, which classifies pixels: use it in predict, or name a screening "
    "model",
    "mce_tile_card": "a screening model, which says what tiles hold: use it in screen_tiles, or name a "
    "mapping model",
}

#: The models that ship, by the names that stand for them.
EMBEDDED = {name: RESOURCES / "models" / f"{name}.safetensors" for name in ("demo", "screen")}

Card = TypeVar("Card", bound=Frozen)


@dataclass(frozen=True)
class Kind(Generic[Card]):
    """A kind of model.

    Attributes:
        key: name of the card in the header, one of `PURPOSES`.
        card: its type.
        version: the newest format that is read.
        skeleton: builds the network without memory for its weights, however large the card claims it to be.
        shape: the network in words.
    """

    key: str
    card: type[Card]
    version: int
    skeleton: Callable[[Card], nn.Module]
    shape: Callable[[Card], str]


@dataclass(frozen=True)
class ModelFile(Generic[Card]):
    """A model as it was read: card, float32 weights by tensor name, and the SHA-256 of the file."""

    card: Card
    weights: Mapping[str, Tensor]
    sha256: str
    path: Path


def located(model: str | Path, default: str) -> Path:
    """Return the file of a model; a name of `EMBEDDED` is one that ships, and "" the `default` one.

    Raises:
        ModelError: if that one is missing.
    """
    name = str(model) or default
    path = EMBEDDED.get(name, Path(model))
    if name in EMBEDDED and not path.exists():
        raise ModelError(
            f"The embedded model {name} is missing from this installation; rebuild it with "
            f"`mce-landcover train-{name}` or name a model file."
        )
    return path


def read_model(path: Path, kind: Kind[Card]) -> ModelFile[Card]:
    """Read a model file of a kind.

    Raises:
        ModelError: in one sentence, if the file is missing, truncated, hostile, a pickle, of another kind or
            a newer format, or its weights do not fit its card.
    """
    with _opened(path) as file:
        header = _read_header(file, path)
        card = _read_card(header, path, kind)
        _check_declared_tensors(header, card, path, kind)
        file.seek(0)
        try:
            content = file.read()
        except OSError as error:
            raise _unreadable(path, error) from error
    return ModelFile(card, _read_weights(content, path), hashlib.sha256(content).hexdigest(), path)


def holds(path: Path, kind: Kind[Any]) -> bool:
    """Tell whether the header of a model file carries a card of this kind.

    Raises:
        ModelError: if it has no header of a model file.
    """
    with _opened(path) as file:
        metadata = _read_header(file, path).get("__metadata__")
    return isinstance(metadata, dict) and kind.key in metadata


def write_model(
    path: Path, card: Card, state_dict: Mapping[str, Tensor], dtype: torch.dtype, kind: Kind[Card]
) -> str:
    """Write a model file whole or not at all, and return its SHA-256.

    Weights of convolutions and dense layers are stored as `dtype`; vectors (batch-norm statistics, biases)
    stay float32, as does a tensor whose values `dtype` cannot hold.

    Raises:
        ModelError: if a weight is not finite or the tensors do not fit the card.
        OutputError: if the file cannot be written.
    """
    tensors = {name: _for_disk(tensor, dtype) for name, tensor in state_dict.items()}
    broken = next((name for name, tensor in tensors.items() if not _is_finite(tensor)), None)
    if broken:
        raise ModelError(f"The weights {broken!r} are not finite: the training failed, so nothing was saved.")
    shapes = {name: (tensor.is_floating_point(), tuple(tensor.shape)) for name, tensor in tensors.items()}
    _check_fit(shapes, card, path, kind)
    content = tensors_to_bytes(tensors, {kind.key: card.model_dump_json()})
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"The model {path} cannot be written ({error.strerror or error}).") from error
    finally:
        partial.unlink(missing_ok=True)
    return hashlib.sha256(content).hexdigest()


def _opened(path: Path) -> BinaryIO:
    """Open a model file, or say in one sentence why it cannot be."""
    if path.is_dir():
        raise ModelError(f"The model {path} is a folder; name the .safetensors file in it.")
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise ModelError(f"There is no model file {path}; check its path.") from None
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> ModelError:
    return ModelError(f"The model {path} cannot be read ({error.strerror or error}).")


def _for_disk(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    tensor = tensor.detach().cpu().contiguous()
    if not tensor.is_floating_point():
        return tensor
    small = tensor.to(dtype)
    return small if tensor.dim() > 1 and _is_finite(small) else tensor.float()


def _is_finite(tensor: Tensor) -> bool:
    return bool(torch.isfinite(tensor).all())


def _read_header(file: BinaryIO, path: Path) -> dict[str, Any]:
    """Return the JSON header of a safetensors file: 8 bytes of length, then that many of JSON."""
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or not 2 <= length <= MAX_HEADER_BYTES:
        raise _not_a_bundle(path, start, "its header is implausible")
    if length > os.fstat(file.fileno()).st_size - 8:
        raise ModelError(f"The model {path} is truncated or not a .safetensors bundle; get the file again.")
    try:
        header = json.loads(file.read(length))
    except (ValueError, RecursionError):
        raise _not_a_bundle(path, start, "its header is not JSON") from None
    if not isinstance(header, dict):
        raise _not_a_bundle(path, start, "its header is not an object")
    return header


def _not_a_bundle(path: Path, start: bytes, why: str) -> ModelError:
    """Tell pickles, which the import job can convert, from other files."""
    looks_pickled = start.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"))
    if looks_pickled or path.suffix.lower() in _CHECKPOINT_SUFFIXES:
        return ModelError(
            f"The model {path} is a PyTorch checkpoint or another pickle, which are never read here because "
            "they can run code; convert it to a bundle with the import_weights job."
        )
    return ModelError(f"The model {path} is not a .safetensors bundle ({why}); name another file.")


def _read_card(header: dict[str, Any], path: Path, kind: Kind[Card]) -> Card:
    metadata = header.get("__metadata__")
    text = metadata.get(kind.key) if isinstance(metadata, dict) else None
    other = next((key for key in PURPOSES if isinstance(metadata, dict) and key in metadata), None)
    if text is None and other is not None:
        raise ModelError(f"The model {path} is {PURPOSES[other]}.")
    if not isinstance(text, str):
        raise ModelError(f"The model {path} has no model card: it is not an MCE Land Cover bundle.")
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        raise ModelError(f"The model card in {path} is not JSON; the file is damaged.") from None
    version = raw.get("format_version") if isinstance(raw, dict) else None
    if isinstance(version, int) and version > kind.version:
        raise ModelError(
            f"The model {path} has format {version}, this version reads {kind.version}; "
            "update MCE Land Cover."
        )
    try:
        return kind.card.model_validate(raw)
    except ValidationError as error:
        raise ModelError(f"The model card in {path} is invalid: {_first_problem(error)}.") from None


def _first_problem(error: ValidationError) -> str:
    """Return "field: what is wrong" of the first finding, short and printable whatever the file says."""
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(str(part) for part in problem["loc"]) or "the card"
    text = f"{field[:80]}: {problem['msg'][:160]}"
    return "".join(c if c.isprintable() else "?" for c in text).rstrip(".")


def _check_declared_tensors(header: dict[str, Any], card: Card, path: Path, kind: Kind[Card]) -> None:
    declared = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        try:
            dtype, shape = entry["dtype"], tuple(entry["shape"])
        except (KeyError, TypeError):
            raise ModelError(f"The model {path} declares a tensor without type and shape.") from None
        if dtype not in _FLOATS + _INTEGERS:
            raise ModelError(f"The model {path} has weights of the unknown type {str(dtype)[:20]!r}.")
        declared[name] = (dtype in _FLOATS, shape)
    _check_fit(declared, card, path, kind)


def _check_fit(
    declared: Mapping[str, tuple[bool, tuple[int, ...]]], card: Card, path: Path, kind: Kind[Card]
) -> None:
    """Compare names, kinds and shapes with those of the card's network, without allocating weights."""
    expected = {
        name: (tensor.is_floating_point(), tuple(tensor.shape))
        for name, tensor in kind.skeleton(card).state_dict().items()
    }
    for name in sorted(expected.keys() | declared.keys()):
        if declared.get(name) != expected.get(name):
            raise ModelError(
                f"The weights in {path} are not those of {kind.shape(card)} "
                f"(first difference: {name[:120]!r})."
            )


def _read_weights(content: bytes, path: Path) -> dict[str, Tensor]:
    try:
        tensors = read_tensors(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise ModelError(f"The model {path} is truncated or damaged; get the file again.") from error
    weights = {n: t.float() if t.is_floating_point() else t for n, t in tensors.items()}
    broken = next((name for name, tensor in weights.items() if not _is_finite(tensor)), None)
    if broken:
        raise ModelError(f"The weights {broken[:120]!r} in {path} are not finite; get the file again.")
    return weights
