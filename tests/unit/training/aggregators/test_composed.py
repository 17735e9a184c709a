"""Learning how experts are joined, on logits whose truth is known."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.model.aggregation import aggregate
from mce_landcover.core.model.card import Composition, ModelCard
from mce_landcover.training.aggregators.composed import ComposedRule, fit_composition
from mce_landcover.training.aggregators.learnt import LogitSample, sample_pixels
from mce_landcover.training.data.tiles import Area
from support.cards import tlm_card
from torch import Tensor

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


SHARES = np.array([0.29, 0.03, 0.02, 0.02, 0.27, 0.03, 0.03, 0.13, 0.18])
CARD = tlm_card(pixel_counts=[round(100_000 * s) for s in SHARES])
RARE = [i for i, answers in enumerate(CARD.responsible[-1]) if answers]


def sample(seed: int = 0, n: int = 8000) -> LogitSample:
    """Pixels where each expert hints at the truth within its classes, each with a temperature of its own."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(9, n, p=SHARES / SHARES.sum())
    logits = rng.normal(0, 1, (n, 3, 9))
    for k, (row, hint) in enumerate(zip(CARD.responsible, (2.0, 5.0, 1.0), strict=True)):
        own = np.array(row)[labels]
        logits[own, k, labels[own]] += hint
        logits[~own, k] *= 0.3  # the complementary loss holds them down
    tensors = torch.from_numpy(logits).float(), torch.from_numpy(labels), torch.ones(n)
    return LogitSample(*tensors)


def scores(pixels: LogitSample, rule: str, learnt: Composition | None = None) -> Tensor:
    """Return scores `[N, C]`."""
    return aggregate(pixels.logits[..., None, None], rule, CARD.responsible, learnt)[..., 0, 0]


def recalls(pixels: LogitSample, found: Tensor) -> np.ndarray:
    said = found.argmax(1)
    return np.array([float((said[pixels.labels == c] == c).float().mean()) for c in range(9)])


def fitted(pixels: LogitSample, reference: str, card: ModelCard = CARD) -> Composition:
    return fit_composition(pixels, card, reference, SilentReporter())


def n_rare(found: Tensor) -> int:
    return int(torch.isin(found.argmax(1), torch.tensor(RARE)).sum())


@pytest.mark.parametrize("reference", ["mean", "mean_responsible", "conditional"])
def test_as_many_pixels_are_rare_and_more_are_right(reference: str) -> None:
    pixels, unseen = sample(0), sample(1)
    learnt = fitted(pixels, reference)
    theirs, ours = ([scores(p, rule, learnt) for p in (pixels, unseen)] for rule in (reference, "composed"))
    assert n_rare(ours[0]) == pytest.approx(n_rare(theirs[0]), abs=2)
    assert n_rare(ours[1]) == pytest.approx(n_rare(theirs[1]), rel=0.1)
    before, after = (recalls(unseen, found[1]) for found in (theirs, ours))
    assert after.mean() > before.mean()
    assert after[RARE].mean() > before[RARE].mean() - 0.02
    accuracy = [float((found[1].argmax(1) == unseen.labels).float().mean()) for found in (theirs, ours)]
    assert accuracy[1] > accuracy[0]


def test_a_pixel_of_weight_ten_counts_like_ten_pixels() -> None:
    once, unseen = sample(4, 3000), sample(8)
    heavy = once.labels == 0
    weighed = LogitSample(once.logits, once.labels, 1 + 9.0 * heavy)
    rows = torch.cat([torch.arange(3000), *[heavy.nonzero()[:, 0]] * 9])
    repeated = LogitSample(once.logits[rows], once.labels[rows], torch.ones(len(rows)))
    plain, one, two = (
        scores(unseen, "composed", fitted(p, "mean")).argmax(1) for p in (once, weighed, repeated)
    )
    assert float((one == two).float().mean()) > 0.99
    assert float((plain == two).float().mean()) < 0.9


def test_the_same_pixels_give_the_same_rule() -> None:
    assert fitted(sample(5, 2000), "mean") == fitted(sample(5, 2000), "mean")


def test_pixels_that_cannot_teach_are_refused_in_one_sentence() -> None:
    pixels = sample(6, 2000)
    common = ~torch.isin(pixels.labels, torch.tensor(RARE))
    without = LogitSample(pixels.logits[common], pixels.labels[common], pixels.weights[common])
    with pytest.raises(InputError, match="no pixel of large blocks or large blocks with grass, so"):
        fitted(without, "mean")
    with pytest.raises(InputError, match="there is one only"):
        fitted(pixels, "mean", tlm_card(n_experts=1))
    with pytest.raises(InputError, match="trained without a pixel of water"):
        fitted(pixels, "mean", CARD.model_copy(update={"pixel_counts": (9, 9, 9, 9, 9, 9, 0, 9, 9)}))


def test_sampled_pixels_stand_for_all_that_are_labelled() -> None:
    rng = np.random.default_rng(7)
    ids = [c.id for c in CARD.classes]
    areas = []
    for _ in range(3):
        labels = rng.choice([0, *ids], (30, 40), p=[0.1, *(0.9 * SHARES / SHARES.sum())]).astype(np.uint8)
        areas.append(Area(rng.normal(size=(27, 30, 40)).astype(np.float32), labels))
    found = sample_pixels(areas, CARD, 50)
    rare = torch.isin(found.labels, torch.tensor(RARE))
    labelled = sum(int((a.labels > 0).sum()) for a in areas)
    of_rare = sum(int(np.isin(a.labels, [ids[c] for c in RARE]).sum()) for a in areas)
    assert float(found.weights.sum()) == pytest.approx(labelled, rel=1e-5)
    assert float(found.weights[rare].sum()) == pytest.approx(of_rare, rel=1e-5)
    assert int((~rare).sum()) == 150 and int(rare.sum()) <= 150
    there = {
        tuple(a.raw[:, r, c].tolist()): a.labels[r, c] for a in areas for r in range(30) for c in range(40)
    }
    for logits, channel in zip(
        found.logits[:40].flatten(1).tolist(), found.labels[:40].tolist(), strict=True
    ):
        assert there[tuple(logits)] == ids[channel]
