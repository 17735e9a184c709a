"""Why a screening network sees a class in a tile: every kind of network, and from a point to its tile."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mce_landcover.core.base.errors import InputError, ModelError
from mce_landcover.core.explain.explain import ExplainRequest, explain
from mce_landcover.core.explain.lrp import Explainer, epsilon_plus_flat
from mce_landcover.core.model.bundle import load_tile_bundle, save_tile_bundle
from mce_landcover.core.model.card import TileCard
from mce_landcover.core.model.tile_network import build_tile_network
from mce_landcover.core.model.torch_setup import one_thread
from support.engine import NORTH, WEST, read, scene
from support.tile_cards import sentinel_card, tile_card
from torch import nn
from unit.explain.test_lrp import one_hot


@pytest.fixture(autouse=True)
def same_numbers_each_time():
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        yield


def without_biases(card: TileCard) -> nn.Module:
    """A network of the card whose relevance has nowhere to stay but at the pixels."""
    network = build_tile_network(card).eval()
    for module in network.modules():
        if getattr(module, "bias", None) is not None:
            module.bias.data.zero_()
    return network


CARDS = {
    "patch_cnn": tile_card(),
    "fine stem": tile_card(architecture={"kind": "patch_cnn", "width": 8, "stem_stride": 1}, window=25),
    "short_cnn": tile_card("short_cnn"),
    "three_branch": sentinel_card(),
    "resnet18": tile_card(architecture={"kind": "timm", "encoder": "resnet18"}),
    "max-pooled": tile_card(architecture={"kind": "timm", "encoder": "resnet18", "pooling": "catavgmax"}),
    "inception_v3": tile_card(window=80, architecture={"kind": "timm", "encoder": "inception_v3"}),
}


@pytest.mark.parametrize("name", CARDS)
def test_relevance_adds_up_to_the_logit_in_every_kind_of_network(name: str) -> None:
    card = CARDS[name]
    network, inputs = without_biases(card), torch.randn(1, card.n_bands, card.window, card.window)
    explainer = Explainer(network, inputs, epsilon_plus_flat([len(source.bands) for source in card.sources]))
    weights = one_hot(explainer.example_output, 2)
    found, logits = explainer.relevance(inputs, weights)
    logit = float((weights * logits).sum())
    assert abs(float(found.sum()) - logit) <= 0.01 * max(abs(logit), 0.01 * float(found.abs().sum()))


def test_a_network_with_attention_is_refused() -> None:
    card = tile_card(architecture={"kind": "timm", "encoder": "convnext_atto"})
    with pytest.raises(ModelError, match="layer_norm outside of its layers"):
        Explainer(build_tile_network(card).eval(), torch.randn(1, card.n_bands, 32, 32))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "screen.safetensors"
    card = tile_card()  # 32 px of 1 m
    save_tile_bundle(path, card, without_biases(card).state_dict(), torch.float32)
    return path


def tile_at(x: float, y: float) -> tuple[int, int]:
    """Row and column of a place among the tiles of the world."""
    return int(-y // 32), int(x // 32)


def ask(model: Path, folder: Path, **changes: Any) -> ExplainRequest:
    settings = {"model": str(model), "class_name": "large blocks"} | changes
    return ExplainRequest(output=folder / "heat.tif", source=scene(folder, 160, 200), **settings)


def test_the_tile_under_a_point(model: Path, tmp_path: Path) -> None:
    """Its heat map is the tile, and sums up to the logit that screening gives it."""
    x, y = WEST + 50.3, NORTH - 40.2
    result = explain(ask(model, tmp_path, point=f"{x},{y}"))
    assert (result.n_windows, result.expert) == (1, None)
    assert "in 1 tile." in result.message
    total, image, dem = read(result.heat_map)
    assert total.shape == (32, 32)
    np.testing.assert_allclose(total, image + dem, rtol=1e-5, atol=1e-7)
    assert total.sum(dtype=np.float64) == pytest.approx(result.logit, rel=0.01)
    row, col = tile_at(x, y)
    same = explain(
        ask(
            model,
            tmp_path,
            extent=f"{32 * col},{32 * col + 32},{-32 * row - 32},{-32 * row}",
            overwrite=True,
        )
    )
    assert replace(same, inside=0) == replace(result, inside=0)
    assert (same.inside, result.inside < 0.1) == (1, True)
    np.testing.assert_array_equal(read(same.heat_map)[0], total)


def test_the_tiles_that_an_extent_touches(model: Path, tmp_path: Path) -> None:
    row, col = tile_at(WEST + 50, NORTH - 40)
    corner = f"{32 * col + 30},{32 * col + 34},{-32 * row - 34},{-32 * row - 30}"
    result = explain(ask(model, tmp_path, extent=corner))
    assert result.n_windows == 4
    total = read(result.heat_map)[0]
    assert np.nansum(total, dtype=np.float64) == pytest.approx(4 * result.logit, rel=0.01)


def test_a_screening_model_has_no_experts(model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="test screen screens tiles and has no experts"):
        explain(ask(model, tmp_path, point=f"{WEST + 50},{NORTH - 40}", expert="1"))
    assert load_tile_bundle(model).card.name == "test screen"
