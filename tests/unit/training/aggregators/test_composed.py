from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.model.aggregation import aggregate
from mce_landcover.training.aggregators.composed import ComposedRule

NESTED = [[True] * 5, [False, True, True, True, True], [False, False, False, True, True]]


def rows(sizes: Sequence[int]) -> list[list[bool]]:
    """Return nested groups: expert k answers for the last `sizes[k]` classes."""
    return [[c >= sizes[0] - n for c in range(sizes[0])] for n in sizes]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 8), min_size=2, max_size=4, unique=True), st.integers(0, 10_000))
def test_it_begins_as_the_chain_rule(sizes: list[int], seed: int) -> None:
    responsible = rows(sorted(sizes, reverse=True))
    z = torch.randn(
        2, len(responsible), len(responsible[0]), 3, 4, generator=torch.Generator().manual_seed(seed)
    )
    expected = aggregate(z, "conditional", responsible)
    torch.testing.assert_close(ComposedRule(responsible).eval()(z), expected, rtol=1e-4, atol=1e-5)


def test_it_gives_probabilities_whatever_it_learnt() -> None:
    rule = ComposedRule(NESTED)
    with torch.no_grad():
        for parameter in rule.parameters():
            parameter.normal_()
    p = rule(torch.randn(2, 3, 5, 4, 4)).exp()
    torch.testing.assert_close(p.sum(1), torch.ones(2, 4, 4))


def test_the_gate_of_a_group_shifts_its_odds_alone() -> None:
    """A bias b multiplies the odds of body and tail against head by e^b; within both nothing changes."""
    rule = ComposedRule(NESTED)
    z = torch.randn(1, 3, 5, 2, 2)
    before = rule(z).exp()[0]
    with torch.no_grad():
        rule.gate_bias[0] += 1.5
    after = rule(z).exp()[0]
    odds = (after[1:].sum(0) / after[0]) / (before[1:].sum(0) / before[0])
    torch.testing.assert_close(odds, torch.full((2, 2), 1.5).exp(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(after[1:] / after[1:].sum(0), before[1:] / before[1:].sum(0))


def test_it_hears_the_expert_that_the_chain_rule_leaves_out() -> None:
    """Expert 3 alone knows the tail: the gate learns from it, which `conditional` cannot."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(0, 5, (4, 16, 16), generator=generator)
    z = 0.1 * torch.randn(4, 3, 5, 16, 16, generator=generator)
    z[:, 2, 3:] += 6 * (labels >= 3)[:, None] - 3
    rule = ComposedRule(NESTED)
    optimizer = torch.optim.Adam(rule.parameters(), 0.1)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.nll_loss(rule(z), labels).backward()
        optimizer.step()
    plain = (aggregate(z, "conditional", NESTED).argmax(1) >= 3) == (labels >= 3)
    learnt = (rule(z).argmax(1) >= 3) == (labels >= 3)
    assert learnt.float().mean() > 0.95
    assert plain.float().mean() < 0.8


def test_groups_must_be_nested() -> None:
    with pytest.raises(InputError, match="nested"):
        ComposedRule([[True, True, True], [True, True, False], [False, True, True]])
