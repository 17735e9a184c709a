import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.model.card import SourceSpec
from mce_landcover.core.model.normalise import Normaliser
from support.cards import tlm_card

SOURCES = tlm_card().sources


def brute_force(raw: np.ndarray) -> np.ndarray:
    """Normalise window by window and band by band with NumPy's own NaN functions."""
    bands = [(s.normalisation, i) for s in SOURCES for i in range(len(s.bands))]
    out = np.zeros_like(raw)
    for b in range(raw.shape[0]):
        for c, (norm, i) in enumerate(bands):
            values = raw[b, c].astype(np.float64) * norm.scale
            if norm.kind == "window_min" and not np.isnan(values).all():
                values = values - np.nanmin(values)
            out[b, c] = np.nan_to_num((values - norm.mean[i]) / norm.std[i], nan=0.0)
    return out


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), missing=st.sampled_from([0.0, 0.2, 1.0]))
def test_equals_brute_force(seed: int, missing: float) -> None:
    rng = np.random.default_rng(seed)
    raw = rng.uniform(0, 255, (3, 4, 5, 7)).astype(np.float32)
    raw[:, 3] += 2500
    raw[rng.random(raw.shape) < missing] = np.nan
    got = Normaliser(SOURCES)(torch.from_numpy(raw)).numpy()
    np.testing.assert_allclose(got, brute_force(raw), atol=2e-5)


def test_window_min_makes_the_result_independent_of_altitude() -> None:
    raw = torch.randint(0, 2**16, (2, 4, 8, 8)) / 1024  # so that adding 2048 is exact in float32
    higher = raw.clone()
    higher[:, 3] += 2048
    assert torch.equal(Normaliser(SOURCES)(raw), Normaliser(SOURCES)(higher))


def test_windows_do_not_see_each_other() -> None:
    raw = torch.rand(4, 4, 8, 8) * 255
    raw[0, 3] = torch.nan
    together = Normaliser(SOURCES)(raw)
    apart = torch.cat([Normaliser(SOURCES)(raw[i : i + 1]) for i in range(4)])
    assert torch.equal(together, apart)


@pytest.mark.parametrize("mean_std", [((0.0,), (0.0,)), ((float("nan"),), (1.0,))])
def test_card_refuses_statistics_that_cannot_normalise(mean_std: tuple[tuple[float], tuple[float]]) -> None:
    mean, std = mean_std
    fields = {"role": "a", "bands": ["b"], "gsd_m": 1, "normalisation": {"mean": mean, "std": std}}
    with pytest.raises(ValueError, match=r"greater than 0|finite"):
        SourceSpec.model_validate(fields)
