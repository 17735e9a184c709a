"""A bundle whose probabilities have the class frequencies of the land, made from one that was trained on
balanced patches. MetaFusion's Bayes rule means natural priors; such a bundle has them only on its card."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....core.base.errors import InputError
from ....core.model.bundle import Bundle, load_bundle, save_bundle
from ....core.model.card import ModelCard

#: Where the trainer's recipes note the pixel shares of the patches that a training really met.
DRAWN = "drawn_pixel_shares"


def write_natural(model: str, path: Path) -> Path:
    """Write the bundle of `model` with natural priors to `path`.

    A network trained on shares q says p_q(y|x); with natural shares the posterior is proportional to
    `p_q(y|x) prior(y) / q(y)`, which is a shift of the joined logits, and that a shift of the biases of the
    experts' last convolutions.

    Raises:
        InputError: if the card does not say which shares were drawn, or joins experts by a rule that does not
            add their logits.
        ModelError, OutputError.
    """
    bundle = load_bundle(model)
    shift = logit_shift(bundle.card)
    weights = {name: _shifted(name, tensor, bundle, shift) for name, tensor in bundle.weights.items()}
    provenance = bundle.card.provenance | {"natural_priors_of": bundle.sha256}
    card = bundle.card.model_copy(update={"name": f"{bundle.card.name}, natural priors", "scores": {}})
    save_bundle(path, card.model_copy(update={"provenance": provenance}), weights, dtype=torch.bfloat16)
    return path


def logit_shift(card: ModelCard) -> NDArray[np.float64]:
    """Return `log(prior / drawn share)` per class, `[C]`; 0 for a class that has no training pixel."""
    drawn = np.array(card.provenance.get(DRAWN, []), dtype=np.float64)
    counts = np.array(card.pixel_counts, dtype=np.float64)
    if drawn.shape != counts.shape or (drawn <= 0).any():
        raise InputError(
            f"The card of {card.name!r} does not say which shares of pixels its training met ({DRAWN}), so "
            "its priors cannot be made natural."
        )
    return np.log(np.where(counts > 0, counts / counts.sum() / drawn, 1.0))


def _shifted(name: str, tensor: Tensor, bundle: Bundle, shift: NDArray[np.float64]) -> Tensor:
    """Add an expert's part of the shift to the biases of its logits; the joined logits get all of it."""
    card = bundle.card
    if not (name.startswith("experts.") and name.endswith(".3.bias")):
        return tensor
    if card.aggregation not in ("mean", "mean_responsible"):
        raise InputError(f"Natural priors need experts whose logits are added, not {card.aggregation!r}.")
    part = np.ones(len(shift))
    if card.aggregation == "mean_responsible":  # divides by those who answer for the class, adds all
        part = np.sum(card.responsible, axis=0) / len(card.experts)
    return tensor + torch.from_numpy(shift * part).to(tensor.dtype)
