import math

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.model.decision import EVIDENCE_STEPS, DecisionRule, decide, heat_maps, log_priors


def softmax64(scores: np.ndarray) -> np.ndarray:
    shifted = np.exp(scores.astype(np.float64) - scores.astype(np.float64).max(axis=0))
    return shifted / shifted.sum(axis=0)


@settings(deadline=None)
@given(st.integers(2, 19), st.integers(0, 10**6), st.sampled_from([0.1, 1.0, 5.0, 30.0]))
def test_heat_maps_against_float64(n_classes, seed, spread):
    scores = np.random.default_rng(seed).normal(0, spread, (n_classes, 64)).astype(np.float32)
    entropy, margin, ratio = (m.numpy() for m in heat_maps(torch.from_numpy(scores).unbind()))
    p = softmax64(scores)
    ordered = np.sort(p, axis=0)[::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = -np.where(p > 0, p * np.log(p), 0).sum(axis=0) / np.log(n_classes)
    np.testing.assert_allclose(entropy, expected, atol=2e-6)
    np.testing.assert_allclose(margin, 1 - ordered[0] + ordered[1], atol=1e-6)
    np.testing.assert_allclose(ratio, 1 - ordered[0], atol=1e-6)


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(2, 12), st.integers(0, 10**6), st.floats(0, 1), st.booleans())
def test_decisions_against_float64(n_experts, n_classes, seed, alpha, ties):
    random = np.random.default_rng(seed)
    logits = random.normal(0, 3, (n_experts, n_classes, 256)).astype(np.float32)
    if ties:
        logits = np.round(logits)
    ids = tuple(int(i) for i in random.permutation(200)[:n_classes])
    counts = random.integers(1, 10**6, n_classes).tolist()
    rule = DecisionRule(ids, ((True,) * n_classes,) * n_experts, "mean", log_priors(counts, alpha))
    found = decide(torch.from_numpy(logits), rule)

    table = np.array(ids)
    scores = logits.astype(np.float64).mean(axis=0)
    prior = np.array(counts) / sum(counts)
    weighed = scores - np.log(1 - alpha + alpha * prior)[:, None]
    clear = _gap(scores) > 1e-4
    assert (found.classes[0].numpy() == table[scores.argmax(axis=0)])[clear].all()
    experts = logits.argmax(axis=1)
    np.testing.assert_array_equal(found.classes[1:].numpy(), table[experts])

    evidence = found.evidence.numpy()
    clear_ml = _gap(weighed) > 1e-4
    assert (evidence[0] == table[weighed.argmax(axis=0)])[clear_ml].all()
    p = softmax64(weighed)
    ordered = np.sort(p, axis=0)[::-1]
    entropy = -(p * np.log(p)).sum(axis=0) / np.log(n_classes)
    agreement = (experts == scores.argmax(axis=0)).mean(axis=0)
    for band, expected in zip(
        evidence[1:4], (entropy, 1 - ordered[0] + ordered[1], 1 - ordered[0]), strict=True
    ):
        np.testing.assert_allclose(band / EVIDENCE_STEPS, expected, atol=2e-5)
    np.testing.assert_allclose((evidence[4] / EVIDENCE_STEPS)[clear], agreement[clear], atol=2e-5)
    for band, voice in zip(evidence[5:], (scores, *logits.astype(np.float64)), strict=True):
        support = np.exp(voice[weighed.argmax(axis=0), np.arange(256)] - voice.max(axis=0))
        np.testing.assert_allclose((band / EVIDENCE_STEPS)[clear_ml], support[clear_ml], atol=2e-5)


def _gap(scores: np.ndarray) -> np.ndarray:
    ordered = np.sort(scores, axis=0)
    return ordered[-1] - ordered[-2]


def test_equal_logits_give_the_first_class():
    rule = DecisionRule((7, 3, 5), ((True,) * 3,), "mean", (0.0,) * 3)
    found = decide(torch.zeros(1, 3, 64), rule)
    assert (found.classes == 7).all()
    assert (found.evidence[0] == 7).all()
    assert (found.evidence[1] == EVIDENCE_STEPS).all()  # nothing is known: entropy 1


def test_rare_class_is_found_at_a_prior_of_one_in_a_million():
    counts = [10**9, 10**3]
    rule = DecisionRule((1, 2), ((True, True),), "mean", log_priors(counts, 1.0))
    threshold = math.log(10**9 / 10**3)
    logits = torch.zeros(1, 2, 64)
    logits[0, 0] = threshold + 1e-3
    assert (decide(logits, rule).evidence[0] == 1).all()
    logits[0, 0] = threshold - 1e-3
    assert (decide(logits, rule).evidence[0] == 2).all()


def test_a_class_without_training_pixels_never_wins_by_its_prior():
    rule = DecisionRule((1, 2, 3), ((True,) * 3,), "mean", log_priors([10, 10, 0], 1.0))
    logits = torch.tensor([0.5, 0.0, 0.4]).reshape(1, 3, 1).expand(1, 3, 64).contiguous()
    assert (decide(logits, rule).evidence[0] == 1).all()


@given(st.integers(0, 10**6), st.integers(1, 200))
@settings(deadline=None, max_examples=30)
def test_a_pixel_is_decided_alike_wherever_it_stands(seed, shift):
    logits = torch.from_numpy(np.random.default_rng(seed).normal(0, 3, (3, 9, 1024)).astype(np.float32))
    rule = DecisionRule(
        tuple(range(9)), ((True,) * 9,) * 3, "mean_responsible", log_priors(range(1, 10), 1.0)
    )
    whole, moved = decide(logits, rule), decide(logits.roll(shift, dims=2).contiguous(), rule)
    for one, two in zip(whole, moved, strict=True):
        assert torch.equal(one.to(torch.int32).roll(shift, dims=-1), two.to(torch.int32))


@given(st.integers(0, 10**6), st.floats(0, 1))
@settings(deadline=None, max_examples=30)
def test_priors_per_pixel_decide_each_pixel_by_its_own(seed, alpha):
    random = np.random.default_rng(seed)
    logits = torch.from_numpy(random.normal(0, 3, (2, 5, 8)).astype(np.float32))
    counts = random.integers(1, 1000, (8, 5)).tolist()
    rules = [DecisionRule(tuple(range(5)), ((True,) * 5,) * 2, "max", log_priors(n, alpha)) for n in counts]
    found = decide(logits, rules[0], torch.tensor([rule.log_priors for rule in rules]).T)
    for pixel, rule in enumerate(rules):
        alone = decide(logits[..., pixel : pixel + 1], rule)
        assert torch.equal(found.classes[:, pixel : pixel + 1], alone.classes)
        assert (found.evidence[:, pixel : pixel + 1] - alone.evidence).abs().max() <= 1
