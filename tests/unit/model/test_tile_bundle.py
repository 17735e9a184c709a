import json
from pathlib import Path
from typing import Any

import pytest
import torch
from mce_landcover.core.base.errors import ModelError
from mce_landcover.core.model.bundle import load_bundle, load_tile_bundle, save_bundle, save_tile_bundle
from mce_landcover.core.model.network import build_network
from mce_landcover.core.model.tile_network import build_tile_network
from pydantic import ValidationError
from support.cards import tlm_card
from support.tile_cards import tile_card

CARD = tile_card()


def save(path: Path) -> str:
    return save_tile_bundle(path, CARD, build_tile_network(CARD, seed=4).state_dict())


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    digest = save(path)
    loaded = load_tile_bundle(path)
    assert (loaded.card, loaded.sha256, loaded.path) == (CARD, digest, path)
    network = loaded.network()
    assert not network.training
    x = torch.zeros(1, 4, 32, 32)
    expected = build_tile_network(CARD, seed=4).eval()(x)
    torch.testing.assert_close(network(x), expected, atol=0.05, rtol=0.05)  # stored in bfloat16


def test_each_kind_of_model_is_refused_where_the_other_is_wanted(tmp_path: Path) -> None:
    screen, mapping = tmp_path / "screen.safetensors", tmp_path / "map.safetensors"
    save(screen)
    card = tlm_card()
    save_bundle(mapping, card, build_network(card).state_dict())
    with pytest.raises(ModelError, match=r"screen\.safetensors is a screening model.*use it in screen_tiles"):
        load_bundle(screen)
    with pytest.raises(ModelError, match=r"map\.safetensors is a mapping model.*use it in predict"):
        load_tile_bundle(mapping)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    other = tile_card(architecture={"kind": "patch_cnn", "width": 16})
    with pytest.raises(ModelError, match="not those of patch_cnn with 4 bands, 9 classes and tiles of 32"):
        save_tile_bundle(tmp_path / "s.safetensors", other, build_tile_network(CARD).state_dict())
    assert not list(tmp_path.iterdir())


def test_an_absurd_card_allocates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    save(path)
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    raw = json.loads(header["__metadata__"]["mce_tile_card"])
    raw |= {"architecture": {"kind": "short_cnn"}, "window": 8192}
    header["__metadata__"]["mce_tile_card"] = json.dumps(raw)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])
    with pytest.raises(ModelError, match="not those of short_cnn"):
        load_tile_bundle(path)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"label_counts": [1]}, "label_counts needs one value per class"),
        ({"thresholds": [0.5]}, "thresholds needs one value per class"),
        ({"calibration": [[-1.0, 0.0]] * 9}, "greater than or equal to 0"),
        ({"architecture": {"kind": "timm"}}, "encoder belongs to networks of kind timm"),
        ({"architecture": {"kind": "timm", "encoder": "hf-hub:a/b"}}, "pattern"),
        ({"window": 10**6}, "window"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_wrong_cards(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        tile_card(**changes)
