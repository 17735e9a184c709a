from pathlib import Path

import numpy as np
import pytest
import torch
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.model.aggregation import aggregate
from mce_landcover.core.model.bundle import load_bundle, save_bundle
from mce_landcover.core.model.network import build_network
from mce_landcover.training.experiments.metafusion.natural_priors import DRAWN, logit_shift, write_natural
from support.cards import tlm_card

SHARES = (0.2, 0.05, 0.05, 0.1, 0.2, 0.1, 0.1, 0.1, 0.1)


def write_model(path: Path, **changes: object) -> Path:
    card = tlm_card("resnet18", window=32, stride=16)
    card = card.model_copy(update={"provenance": {DRAWN: SHARES}} | changes)
    save_bundle(path, card, build_network(card, seed=1).state_dict(), dtype=torch.float32)
    return path


@pytest.mark.parametrize("rule", ["mean", "mean_responsible"])
def test_joined_probabilities_get_the_natural_priors(rule: str, tmp_path: Path) -> None:
    """Bayes' theorem: p_q(y|x) prior / q, renormalised; everything else stays."""
    model = write_model(tmp_path / "m.safetensors", aggregation=rule)
    natural = load_bundle(write_natural(str(model), tmp_path / "n.safetensors"))
    before = load_bundle(model)
    x = torch.randn(1, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        p, q = (
            aggregate(b.network()(x), rule, b.card.responsible).double().softmax(1) for b in (before, natural)
        )
    counts = np.array(before.card.pixel_counts)
    ratio = torch.from_numpy(counts / counts.sum() / np.array(SHARES)).view(1, -1, 1, 1)
    # convolutions of the copy are stored as bfloat16, so the two networks differ a little
    torch.testing.assert_close(q, p * ratio / (p * ratio).sum(1, keepdim=True), atol=0.02, rtol=0.05)
    assert natural.card.pixel_counts == before.card.pixel_counts
    assert natural.card.provenance["natural_priors_of"] == before.sha256


def test_the_demo_model_can_be_made_natural() -> None:
    shift = logit_shift(load_bundle().card)
    assert shift.argmin() == 3 and shift[2] < -1  # blocks were drawn several times as often as they occur


def test_what_cannot_be_made_natural_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not say which shares"):
        write_natural(str(write_model(tmp_path / "a.safetensors", provenance={})), tmp_path / "n.safetensors")
    model = write_model(tmp_path / "b.safetensors", aggregation="max")
    with pytest.raises(InputError, match="logits are added, not 'max'"):
        write_natural(str(model), tmp_path / "n.safetensors")
    assert not (tmp_path / "n.safetensors").exists()
