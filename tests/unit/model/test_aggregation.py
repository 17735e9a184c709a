import itertools

import numpy as np
import pytest
import torch
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.model.aggregation import aggregate, oracle

RESPONSIBLE = ((True, True, True, True), (False, True, True, False), (False, False, True, False))
NAMES = ["mean", "mean_responsible", "max", "zero_nontarget", "zero_nontarget_responsible"]


def by_hand(z: np.ndarray, name: str) -> np.ndarray:
    """One pixel at a time: `z` is [K, C]."""
    out = []
    for c in range(z.shape[1]):
        values = [z[k, c] for k in range(z.shape[0])]
        answering = [k for k in range(z.shape[0]) if RESPONSIBLE[k][c]]
        if name.startswith("zero"):
            values = [v if k in answering else 0.0 for k, v in enumerate(values)]
        if name == "max":
            out.append(max(values))
        else:
            out.append(sum(values) / (len(answering) if name.endswith("_responsible") else len(values)))
    return np.array(out)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("lead", [(), (2,), (2, 3)])
def test_equals_the_rule_written_out_per_pixel(name: str, lead: tuple[int, ...]) -> None:
    z = torch.randn(*lead, 3, 4, 2, 3, dtype=torch.float64)
    got = aggregate(z, name, RESPONSIBLE)
    assert got.shape == (*lead, 4, 2, 3)
    flat, flat_got = z.reshape(-1, 3, 4, 2, 3).numpy(), got.reshape(-1, 4, 2, 3).numpy()
    for b, i, j in itertools.product(range(len(flat)), range(2), range(3)):
        np.testing.assert_allclose(flat_got[b, :, i, j], by_hand(flat[b, :, :, i, j], name), rtol=1e-12)


@pytest.mark.parametrize("name", [*NAMES, "conditional"])
def test_result_does_not_depend_on_memory_layout(name: str) -> None:
    z = torch.randn(3, 4, 33, 65)
    turned = z.permute(2, 3, 1, 0).contiguous().permute(3, 2, 0, 1)
    assert turned.stride() != z.stride()
    assert torch.equal(aggregate(z, name, RESPONSIBLE), aggregate(turned, name, RESPONSIBLE))
    part = aggregate(z[..., 5:20, 7:9], name, RESPONSIBLE)
    assert torch.equal(part, aggregate(z, name, RESPONSIBLE)[..., 5:20, 7:9])


@pytest.mark.parametrize("name", NAMES)
def test_equal_experts_agree_where_all_answer(name: str) -> None:
    z = torch.randn(4, 2, 2)
    everyone = ((True,) * 4,) * 3
    torch.testing.assert_close(aggregate(torch.stack([z] * 3), name, everyone), z)


def test_half_precision_is_summed_in_float32() -> None:
    z = torch.full((3, 4, 1, 1), 256.0, dtype=torch.bfloat16)
    z[1:] = 1.0
    got = aggregate(z, "mean", RESPONSIBLE)
    assert got.dtype == torch.float32
    assert got[0, 0, 0].item() == pytest.approx(258 / 3)


@pytest.mark.parametrize("name", ["oracle", "median", ""])
def test_unknown_rules_and_the_oracle_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="not one of mean"):
        aggregate(torch.zeros(3, 4, 1, 1), name, RESPONSIBLE)


def test_logits_that_do_not_fit_the_experts_are_refused() -> None:
    with pytest.raises(ValueError, match="3 experts x 4 classes"):
        aggregate(torch.zeros(2, 4, 1, 1), "mean", RESPONSIBLE)


def test_oracle_lets_the_most_specialised_expert_speak() -> None:
    z = torch.randn(2, 3, 4, 1, 5)
    labels = torch.tensor([0, 1, 2, 3, 255]).repeat(2, 1).reshape(2, 1, 5)
    got = oracle(z, labels, RESPONSIBLE)
    for pixel, expert in enumerate([0, 1, 2, 0, 0]):
        assert torch.equal(got[..., pixel], z[:, expert, ..., pixel])


def test_conditional_is_the_chain_rule() -> None:
    """Written out for one pixel: classes 0 and 3 are expert 1's alone, 1 expert 2's, 2 expert 3's."""
    z = torch.randn(3, 4, 1, 1, dtype=torch.float64)
    p = z[:, :, 0, 0].softmax(1).numpy()
    rare = p[0, 1] + p[0, 2]
    within = p[1, 1] / (p[1, 1] + p[1, 2])
    expected = [p[0, 0], rare * within, rare * (1 - within), p[0, 3]]
    got = aggregate(z, "conditional", RESPONSIBLE).exp()[:, 0, 0].numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    assert got.sum() == pytest.approx(1)


def test_one_expert_alone_or_three_equal_ones_compose_to_their_softmax() -> None:
    z = torch.randn(2, 1, 4, 3, 3)
    torch.testing.assert_close(aggregate(z, "conditional", RESPONSIBLE[:1]), z[:, 0].log_softmax(1))
    three = z.expand(2, 3, 4, 3, 3)
    torch.testing.assert_close(aggregate(three, "conditional", RESPONSIBLE), z[:, 0].log_softmax(1))


def test_conditional_refuses_groups_that_are_not_nested() -> None:
    with pytest.raises(InputError, match="nested"):
        aggregate(torch.zeros(2, 3, 1, 1), "conditional", ((True, True, False), (False, True, True)))
