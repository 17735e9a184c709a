import pytest
from hypothesis import given
from hypothesis import strategies as st
from mce_landcover.core.model.network import build_network
from mce_landcover.training.module import cosine_factor, expert_shares, parameter_groups
from support.cards import tlm_card


def test_shares_follow_equation_1() -> None:
    responsible = ((True,) * 3, (False, True, True), (False, False, True))
    assert expert_shares(responsible, [70, 25, 5]) == pytest.approx([1.0, 0.3, 0.05])
    with pytest.raises(ValueError, match="no labelled pixel"):
        expert_shares(responsible, [0, 0, 0])


def test_groups_hold_every_parameter_once() -> None:
    card = tlm_card("tu-mobilenetv3_small_100")
    net = build_network(card)
    groups = parameter_groups(net, card.responsible, card.pixel_counts, 1e-3)
    assert [g["name"] for g in groups] == ["backbone", "expert_1", "expert_2", "expert_3"]
    # counts are 1..9 for ids 1..9: body + tail are 2 3 4 6 7, tail is 3 4
    assert [g["lr"] for g in groups] == pytest.approx([1e-3, 1e-3, 1e-3 * 22 / 45, 1e-3 * 7 / 45])
    held = [id(p) for g in groups for p in g["params"]]
    assert sorted(held) == sorted(id(p) for p in net.parameters())


@given(steps=st.integers(1, 500), warmup=st.integers(0, 100))
def test_factor_rises_then_falls(steps: int, warmup: int) -> None:
    factors = [cosine_factor(s, steps, warmup) for s in range(steps)]
    assert all(0 < f <= 1 for f in factors)
    peak = min(warmup, steps - 1)
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)
