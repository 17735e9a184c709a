import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.model.tile_network import sparsemax, sparsemax_tau
from torch import Tensor

entmax = pytest.importorskip("entmax")

rows = st.lists(st.floats(-20, 20, width=32), min_size=1, max_size=12)


@settings(max_examples=50, deadline=None)
@given(row=rows)
def test_equals_entmax(row: list[float]) -> None:
    z = torch.tensor([row], dtype=torch.float64)
    torch.testing.assert_close(sparsemax(z), entmax.sparsemax(z, dim=1), atol=1e-9, rtol=0)


@settings(max_examples=50, deadline=None)
@given(row=rows)
def test_is_the_nearest_point_of_the_simplex(row: list[float]) -> None:
    """The projection p of z is the one point with `(z - p).(v - p) <= 0` for every corner v."""
    z = torch.tensor([row], dtype=torch.float64)
    p = sparsemax(z)
    assert p.min() >= 0 and p.sum().item() == pytest.approx(1)
    corners: Tensor = torch.eye(len(row), dtype=torch.float64)
    assert ((corners - p) @ (z - p).T).max() <= 1e-9


def test_the_gradient_of_tau_is_shared_by_the_support() -> None:
    z = torch.tensor([[1.0, 0.8, -3.0]], requires_grad=True)
    sparsemax_tau(z).sum().backward()
    assert z.grad is not None
    torch.testing.assert_close(z.grad, torch.tensor([[0.5, 0.5, 0.0]]))
