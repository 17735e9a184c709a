"""The chain rule with what is learnt of it, against a pixel worked out by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.mapping.choose_backend import OpenVinoDecider, TorchDecider
from mce_landcover.core.mapping.record import read_record
from mce_landcover.core.model.aggregation import aggregate, nested_channels
from mce_landcover.core.model.card import Composition, ModelCard
from mce_landcover.core.model.decision import decide
from pydantic import ValidationError
from support.cards import tlm_card
from support.engine import predict_with, read_all, scene, tiny_model
from support.flag import make_run, rule, smooth_logits

pytestmark = pytest.mark.slow

RESPONSIBLE = ((True, True, True, True), (False, True, True, False), (False, False, True, False))


def random_composition(n_experts: int, n_classes: int, seed: int = 0) -> Composition:
    rng = np.random.default_rng(seed)
    narrower = n_experts - 1
    return Composition(
        gate=rng.normal(0, 0.5, (narrower, n_experts * narrower)).tolist(),
        gate_bias=rng.normal(size=narrower).tolist(),
        voices=[rng.uniform(0.2, 2, k + 1).tolist() for k in range(n_experts)],
        bias=rng.normal(size=n_classes).tolist(),
        offset=rng.normal(size=n_classes).tolist(),
    )


def test_equals_the_rule_written_out_for_one_pixel() -> None:
    """Classes 0 and 3 are expert 1's alone, 1 expert 2's, 2 expert 3's."""
    z = np.random.default_rng(1).normal(0, 2, (3, 4))
    learnt = random_composition(3, 4)
    evidence = []
    for expert in np.exp(z):
        evidence += [
            np.log((expert[1] + expert[2]) / (expert[0] + expert[3])),
            np.log(expert[2] / expert[1]),
        ]
    rare, rarest = 1 / (1 + np.exp(-(np.array(learnt.gate) @ evidence + learnt.gate_bias)))
    head = np.exp(learnt.voices[0][0] * z[0] + learnt.bias)
    head /= head[0] + head[3]
    p = [(1 - rare) * head[0], rare * (1 - rarest), rare * rarest, (1 - rare) * head[3]]
    tensor = torch.from_numpy(z).reshape(3, 4, 1, 1)
    got = aggregate(tensor, "composed", RESPONSIBLE, learnt)[:, 0, 0].numpy()
    np.testing.assert_allclose(got, np.log(p) + learnt.offset, rtol=1e-10)


def test_with_nothing_learnt_it_is_conditional() -> None:
    gate = ((1.0, 0, 0, 0, 0, 0), (0, 0, 0, 1.0, 0, 0))
    zero = (0.0,) * 4
    plain = Composition(
        gate=gate, gate_bias=(0.0, 0.0), voices=((1.0,), (0, 1.0), (0, 0, 1.0)), bias=zero, offset=zero
    )
    z = torch.randn(2, 3, 4, 5, 6)
    torch.testing.assert_close(
        aggregate(z, "composed", RESPONSIBLE, plain), aggregate(z, "conditional", RESPONSIBLE)
    )


def test_logits_of_any_size_give_numbers() -> None:
    z = torch.tensor([-200.0, 0.0, 200.0])[torch.randint(0, 3, (3, 4, 40, 40))]
    assert aggregate(z, "composed", RESPONSIBLE, random_composition(3, 4)).isfinite().all()


def test_the_rule_needs_what_was_learnt_and_nested_experts() -> None:
    with pytest.raises(ValueError, match="learnt"):
        aggregate(torch.zeros(3, 4, 1, 1), "composed", RESPONSIBLE)
    with pytest.raises(InputError, match="'composed' needs experts whose classes are nested"):
        nested_channels(((True, True, False), (False, True, True)), "composed")


def taught(**changes: Any) -> dict[str, Any]:
    """Fields of a card that has learnt the rule."""
    return {"composition": random_composition(3, 9), "aggregation": "composed"} | changes


def test_a_card_keeps_the_composition_and_refuses_one_of_another_shape() -> None:
    card = tlm_card(**taught())
    assert ModelCard.model_validate_json(card.model_dump_json()) == card
    with pytest.raises(ValidationError, match="not of this many experts and classes"):
        tlm_card(composition=random_composition(3, 8))
    with pytest.raises(ValidationError, match="not of this many experts and classes"):
        tlm_card(composition=random_composition(2, 9))
    with pytest.raises(ValidationError, match="composed needs a composition"):
        tlm_card(aggregation="composed")


def test_maps_of_both_engines_follow_the_rule(tmp_path: Path) -> None:
    """The map decided from the logits that were kept, and from the run's own record."""
    model = tiny_model(**taught())
    card = model.card
    rasters = scene(tmp_path, 40, 50)
    for engine in ("torch", "openvino"):
        result = predict_with(model, rasters, tmp_path / engine, engine=engine, logits=True)
        maps = read_all(result)
        logits = torch.from_numpy(maps["logits"]).reshape(3, 9, *maps["logits"].shape[1:])
        scores = aggregate(logits.double(), "composed", card.responsible, card.composition)
        ordered = scores.sort(0).values
        clear = (ordered[-1] - ordered[-2] > 1e-4).numpy()
        ids = np.array([c.id for c in card.classes])
        assert clear.mean() > 0.99
        assert (maps["land_cover"][0] == ids[scores.argmax(0).numpy()])[clear].all()
        record = read_record(tmp_path / engine)
        assert record.rule().composition == card.composition
        again = decide(logits.reshape(3, 9, -1), record.rule()).classes[0].reshape(clear.shape)
        np.testing.assert_array_equal(again.numpy()[clear], maps["land_cover"][0][clear])
        assert set(np.unique(maps["land_cover"])) > {int(ids[0])}


def test_deciders_agree() -> None:
    learnt = replace(rule(0.95), aggregation="composed", composition=random_composition(3, 5))
    sums = torch.from_numpy(smooth_logits(30, 40)).reshape(15, 30, 40).contiguous()
    (one, seen), (two, seen2) = TorchDecider(learnt)(sums), OpenVinoDecider(learnt)(sums)
    assert (one == two).float().mean() > 0.999
    assert (seen.int() - seen2.int())[1:].abs().float().mean() < 2  # of 50,000 steps


def test_a_run_without_a_composition_is_read_as_before(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", smooth_logits(20, 20))
    assert read_record(run).composition is None


def test_a_model_that_has_not_learnt_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has not learnt the aggregation composed; choose another, or"):
        predict_with(tiny_model(), scene(tmp_path, 20, 20), tmp_path / "out", aggregation="composed")
