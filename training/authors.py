"""The published weights of the MCE paper's authors as a bundle. Reading is never trusting: tensors and plain
numbers only."""

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.base.errors import InputError, ModelError
from ..core.base.progress import Reporter
from ..core.model.bundle import save_bundle
from ..core.model.card import Architecture, ModelCard
from ..core.model.classes import load_catalogue
from ..core.model.network import build_network
from .experts import nested_experts
from .formats import FORMATS, source_spec

ARCHITECTURE = Architecture(decoder="deeplabv3plus_authors", encoder="resnet50", expert_channels=256)
#: Place of each module of theirs in ours; the longest beginning counts.
_PLACES = {
    "backbone.": "encoder.",
    "classifier.project.": "decoder.project.",
    "classifier.aspp.": "decoder.aspp.",
    **{
        f"classifier.expert_{name}.{theirs}.": f"experts.{k}.{ours}."
        for k, name in enumerate(("head", "body", "tail"))
        for theirs, ours in (("cnn1", 0), ("bn1", 1), ("cnn2", 3))
    },
}
_LAST = tuple(f"experts.{k}.3." for k in range(3))
#: NumPy's numbers, which trainings like to keep beside their weights, under their new and their old name.
_HARMLESS: list[Any] = [
    np.dtype,
    type(np.dtype(np.float64)),
    type(np.dtype(np.float32)),
    type(np.dtype(np.int64)),
    np._core.multiarray.scalar,  # type: ignore[attr-defined]
    (np._core.multiarray.scalar, "numpy.core.multiarray.scalar"),  # type: ignore[attr-defined]
]


def import_checkpoint(checkpoint: Path, output: Path, reporter: Reporter) -> Path:
    """Write a bundle of a checkpoint and return its path.

    Raises:
        InputError: if there is no such file.
        ModelError: if it holds other things than tensors and numbers, or other tensors than the published.
        OutputError: if the bundle cannot be written.
    """
    theirs = read_checkpoint(checkpoint)
    weights = translate(theirs, checkpoint)
    output.parent.mkdir(parents=True, exist_ok=True)
    save_bundle(output, authors_card(checkpoint.name), weights, dtype=torch.float32)
    reporter.log(f"{len(theirs)} tensors of {checkpoint.name} are in {output}.")
    return output


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint by the authors' names, which may lie under the key `state_dict`."""
    try:
        with torch.serialization.safe_globals(_HARMLESS):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=None)
    except FileNotFoundError:
        raise InputError(f"There is no checkpoint {path}; check its path.") from None
    except (OSError, RuntimeError, UnpicklingError, EOFError, ValueError, KeyError) as error:
        raise ModelError(
            f"The checkpoint {path} cannot be read, or holds more than tensors and numbers, which is not "
            "trusted; give the published file."
        ) from error
    state = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not all(isinstance(t, Tensor) for t in state.values()):
        raise ModelError(f"The checkpoint {path} holds no table of tensors; give the published file.")
    return {str(name).removeprefix("module."): tensor for name, tensor in state.items()}


def translate(theirs: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Return the weights under our names, without the channel of the background.

    Their experts have ten logits, the first of the background, which is never trained and never mapped. The
    other nine stay what they are, and with them the map; probabilities become those given that a pixel is
    no background.

    Raises:
        ModelError: if a tensor is unknown, missing or of another shape.
    """
    expected = {
        name: tuple(t.shape) for name, t in build_network(authors_card(path.name)).state_dict().items()
    }
    ours: dict[str, Tensor] = {}
    for name, tensor in theirs.items():
        start = next((s for s in _PLACES if name.startswith(s)), None)
        if start is None:
            raise ModelError(f"The checkpoint {path} has the tensor {name!r}, which the published has not.")
        place = _PLACES[start] + name.removeprefix(start)
        kept = tensor[1:] if place.startswith(_LAST) and tensor.shape[:1] == (10,) else tensor
        if expected.get(place) != tuple(kept.shape):
            raise ModelError(
                f"The tensor {name!r} of the checkpoint {path} has the shape {tuple(tensor.shape)}, which is "
                "not that of the published network."
            )
        ours[place] = kept.clone()
    missing = sorted(set(expected) - set(ours))
    if missing:
        raise ModelError(f"The checkpoint {path} lacks {len(missing)} tensors, such as our {missing[0]!r}.")
    return ours


def authors_card(file: str) -> ModelCard:
    """Return the card of the published model: classes, inputs, windows and rule (docs/science/methods.md
    section 1)."""
    classes = load_catalogue()
    tlm = FORMATS["tlm"]
    return ModelCard(
        name="MCE, swissTLM3D above 2000 m (published weights)",
        description="DeepLabV3+ with three experts, trained by the authors of the MCE paper.",
        architecture=ARCHITECTURE,
        classes=classes,
        experts=nested_experts(classes, 3),
        sources=tuple(source_spec(source) for source in tlm.sources),
        gsd_m=tlm.gsd_m,
        window=tlm.window,
        stride=100,
        aggregation="mean_responsible",
        pixel_counts=tuple(round(1e6 * (c.share or 0)) for c in classes),
        provenance={
            "checkpoint": file,
            "pixel_counts": "per million, from the published shares",
            "background": "the logit of the unlabelled class is left out",
        },
    )
