from pathlib import Path
from typing import Any

import pytest
import torch
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.model.aggregation import aggregate
from mce_landcover.core.model.network import build_network
from mce_landcover.training.aggregators.learnt import CalibratedRule, JoinedNetwork, fit_rule, make_rule
from mce_landcover.training.config import TrainerSettings
from mce_landcover.training.losses.cross_entropy import rule_weights
from support.cards import tlm_card
from unit.training.test_fit import CARD, tile_data

RULES = ("mlp", "cnn", "gate", "calibrated")
SHAPES = {
    "mlp": 27 * 512 + 512 + 512 * 256 + 256 + 256 * 9 + 9,
    "cnn": 27 * 9 * 256 + 256 + 2 * 256 + 256 * 9 + 9,
    "calibrated": 3 + 27,
}


@pytest.mark.parametrize("name", RULES)
def test_rules_give_a_score_per_class_and_pixel(name: Any) -> None:
    rule = make_rule(name, CARD.responsible).eval()
    logits = torch.randn(2, 3, 9, 6, 5)
    scores = rule(logits)
    assert scores.shape == (2, 9, 6, 5)
    if name in SHAPES:
        assert sum(p.numel() for p in rule.parameters()) == SHAPES[name]
    if name in ("gate", "calibrated"):
        torch.testing.assert_close(scores.exp().sum(1), torch.ones(2, 6, 5))


def test_the_gate_begins_as_the_mean_of_probabilities_and_stays_between_them() -> None:
    rule = make_rule("gate", CARD.responsible)
    logits = torch.randn(1, 3, 9, 4, 4)
    p = logits.softmax(2)
    torch.testing.assert_close(rule(logits).exp(), p.mean(1))
    with torch.no_grad():
        for parameter in rule.parameters():
            parameter.normal_()
    mixed = rule(logits).exp()
    assert (mixed <= p.amax(1) + 1e-6).all() and (mixed >= p.amin(1) - 1e-6).all()


def test_calibration_begins_as_the_chain_rule() -> None:
    logits = torch.randn(1, 3, 9, 4, 4)
    rule = make_rule("calibrated", CARD.responsible)
    torch.testing.assert_close(rule(logits), aggregate(logits, "conditional", CARD.responsible))


def test_a_bias_on_the_narrower_group_shifts_its_odds_alone() -> None:
    """Odds of body and tail against head grow by e^b; within each group nothing changes."""
    rule = CalibratedRule(CARD.responsible)
    z = torch.randn(1, 3, 9, 2, 2)
    inner = torch.tensor(CARD.responsible[1])
    before = rule(z).exp()[0]
    with torch.no_grad():
        rule.bias[0, inner] += 1.5
    after = rule(z).exp()[0]
    odds = (after[inner].sum(0) / after[~inner].sum(0)) / (before[inner].sum(0) / before[~inner].sum(0))
    torch.testing.assert_close(odds, torch.full((2, 2), 1.5).exp())
    torch.testing.assert_close(after[inner] / after[inner].sum(0), before[inner] / before[inner].sum(0))


@pytest.mark.parametrize("name", RULES)
def test_fitting_moves_the_rule_and_never_the_experts(name: Any, tmp_path: Path) -> None:
    network = build_network(CARD, seed=2)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    start = [p.clone() for p in make_rule(name, CARD.responsible).parameters()]
    trainer = TrainerSettings(epochs=1, device="cpu")
    told: dict[str, Any] = {"folder": tmp_path, "reporter": SilentReporter()}
    result = fit_rule(name, network, CARD, tile_data(), trainer=trainer, balance=0.5, **told)
    after = network.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)
    moved = [not torch.equal(a, b) for a, b in zip(start, result.rule.parameters(), strict=True)]
    assert any(moved)
    assert result.fitted.scores["mean"].overall >= 0


def test_calibrating_helps_experts_whose_gate_is_off(tmp_path: Path) -> None:
    """Experts that never see the tail group: one bias mends it, so training must raise the mean accuracy."""
    card = tlm_card("tu-mobilenetv3_small_100", window=32, stride=16)
    network = build_network(card, seed=2)
    with torch.no_grad():
        network.experts[0][3].bias[torch.tensor(card.responsible[1])] -= 10
    data = tile_data()
    trainer = TrainerSettings(epochs=6, device="cpu")
    told: dict[str, Any] = {"folder": tmp_path, "reporter": SilentReporter()}
    result = fit_rule("calibrated", network, card, data, trainer=trainer, lr=0.5, **told)
    assert result.fitted.history[-1].loss < result.fitted.history[0].loss
    bias = result.rule.bias[0]
    inner = torch.tensor(card.responsible[1])
    assert bias[inner].mean() > bias[~inner].mean() + 1


def test_the_experts_stay_in_evaluation_mode() -> None:
    joined = JoinedNetwork(build_network(CARD), make_rule("cnn", CARD.responsible)).train()
    assert joined.rule.training and not joined.experts.training


def test_weights_and_names_are_checked() -> None:
    assert rule_weights([1, 3], 1.0) == pytest.approx([4, 4 / 3])
    assert rule_weights([1, 3], 0.0) == [1.0, 1.0]
    with pytest.raises(ValueError, match="every class"):
        rule_weights([0, 3], 1.0)
    with pytest.raises(InputError, match="no learnt rule 'vote'"):
        make_rule("vote", CARD.responsible)  # type: ignore[arg-type]
