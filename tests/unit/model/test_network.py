import socket
from typing import Any

import pytest
import torch
from mce_landcover.core.base.errors import ModelError
from mce_landcover.core.model.network import MceNetwork, adopt_weights, build_network, spread_rgb
from support.cards import tlm_card
from torch import nn

pytestmark = pytest.mark.slow

BACKBONES = [
    ("deeplabv3plus", "resnet18", {}),
    ("deeplabv3plus", "mobilenet_v2", {"encoder_output_stride": 8}),
    ("deeplabv3plus", "tu-mobilenetv3_small_100", {}),
    ("unet", "resnet18", {}),
    ("unet", "tu-convnext_atto", {"decoder_stride": 1}),
    ("deeplabv3plus", "resnet18", {"encoder_depth": 4}),
    ("deeplabv3plus", "resnet18", {"encoder_depth": 3}),
    ("unet", "resnet18", {"encoder_depth": 4, "decoder_stride": 2}),
]


def network(decoder: str = "deeplabv3plus", encoder: str = "resnet18", **arch: Any) -> MceNetwork:
    card = tlm_card(encoder, decoder)
    architecture = card.architecture.model_copy(update=arch)
    return build_network(card.model_copy(update={"architecture": architecture})).eval()


@pytest.mark.parametrize(("decoder", "encoder", "arch"), BACKBONES)
@pytest.mark.parametrize("size", [(64, 64), (50, 37)])
def test_logits_have_the_size_of_the_input(
    decoder: str, encoder: str, arch: dict[str, Any], size: tuple[int, int]
) -> None:
    with torch.no_grad():
        logits = network(decoder, encoder, **arch)(torch.randn(2, 4, *size))
    assert logits.shape == (2, 3, 9, *size)
    assert torch.isfinite(logits).all()


def test_experts_are_what_the_authors_built() -> None:
    for expert in network().experts:
        conv, norm, relu, head = expert.children()  # type: ignore[union-attr]
        assert isinstance(conv, nn.Conv2d) and conv.kernel_size == (3, 3) and conv.bias is None
        assert isinstance(norm, nn.BatchNorm2d) and isinstance(relu, nn.ReLU)
        assert isinstance(head, nn.Conv2d) and head.kernel_size == (1, 1) and head.out_channels == 9


def test_experts_read_the_same_features_at_stride_four() -> None:
    net = network("unet")
    with torch.no_grad():
        x = torch.randn(1, 4, 64, 96)
        features = net.decoder(net.encoder(x))
        assert features.shape == (1, 16, 16, 24)
        first = nn.functional.interpolate(net.experts[2](features), size=(64, 96), mode="bilinear")
        torch.testing.assert_close(net(x)[:, 2], first)


def test_padding_repeats_the_edge_and_is_cropped_away() -> None:
    net = network()
    x = torch.randn(1, 4, 40, 48)
    padded = nn.functional.pad(x, (0, 0, 4, 4), mode="replicate")
    with torch.no_grad():
        torch.testing.assert_close(net(x), net(padded)[..., 4:44, :])


def test_building_is_seeded_and_leaves_the_global_state_alone() -> None:
    card = tlm_card()
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    one, two, other = (build_network(card, seed=s).state_dict() for s in (5, 5, 6))
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["experts.0.0.weight"], other["experts.0.0.weight"])


def test_decoder_and_experts_are_he_initialised() -> None:
    card = tlm_card()
    wide = card.architecture.model_copy(update={"expert_channels": 256, "decoder_channels": 256})
    net = build_network(card.model_copy(update={"architecture": wide}))
    weight = net.experts[0][0].weight  # type: ignore[index]
    assert weight.std().item() == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.02)
    assert all(torch.equal(e[3].bias, torch.zeros(9)) for e in net.experts)  # type: ignore[index]


def test_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    network("deeplabv3plus", "tu-mobilenetv3_small_100")


@pytest.mark.parametrize(
    "encoder", ["no_such_encoder", "tu-no_such_encoder", "tu-swin_tiny_patch4_window7_224"]
)
def test_unusable_encoders_are_named_in_one_sentence(encoder: str) -> None:
    with pytest.raises(ModelError, match=encoder) as info:
        network("deeplabv3plus", encoder)
    assert "\n" not in str(info.value)


def test_pretrained_rgb_keeps_its_weights_and_others_copy_red() -> None:
    weight = torch.randn(5, 3, 7, 7)
    spread = spread_rgb(weight, ["nir", "R", "G", "B", "height"])
    assert torch.equal(spread[:, 1:4], weight)
    assert torch.equal(spread[:, 0], weight[:, 0]) and torch.equal(spread[:, 4], weight[:, 0])


def test_pretrained_weights_are_adopted_by_an_encoder_of_more_bands() -> None:
    four = network()
    rgb = tlm_card()
    pretrained = build_network(rgb.model_copy(update={"sources": rgb.sources[:1]}), seed=9).encoder
    adopt_weights(four.encoder, pretrained, ["R", "G", "B", "height"])
    ours, theirs = four.encoder.state_dict(), pretrained.state_dict()
    assert torch.equal(ours["conv1.weight"][:, :3], theirs["conv1.weight"])
    assert torch.equal(ours["conv1.weight"][:, 3], theirs["conv1.weight"][:, 0])
    assert all(torch.equal(ours[n], theirs[n]) for n in theirs if n != "conv1.weight")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("decoder", "size"), [("deeplabv3plus", 40), ("unet", 64)])
def test_converts_to_openvino(decoder: str, size: int) -> None:
    ov = pytest.importorskip("openvino", reason="OpenVINO is not installed")
    net, x = network(decoder), torch.randn(1, 4, size, size)
    model = ov.convert_model(net, example_input=x, input=[1, 4, size, size])
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    with torch.no_grad():
        expected = net(x).numpy()
    assert compiled(x.numpy())[0] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("encoder", ["resnet18", "resnet50"])
def test_a_shallow_encoder_carries_no_stage_that_it_never_runs(encoder: str) -> None:
    """smp keeps the deepest stage of a ResNet unrun: every weight that is left has a gradient."""
    architecture = tlm_card(encoder).architecture.model_copy(update={"encoder_depth": 4})
    card = tlm_card(encoder, architecture=architecture)
    network = build_network(card)
    network(torch.rand(2, card.n_bands, 64, 64)).square().sum().backward()
    assert [name for name, weight in network.encoder.named_parameters() if weight.grad is None] == []


@pytest.mark.parametrize(("decoder", "encoder"), [("fcn", "resnet18"), ("deeplabv3plus_authors", "resnet50")])
@pytest.mark.parametrize("size", [(64, 64), (50, 37)])
def test_dilated_networks_give_logits_of_the_size_of_the_input(
    decoder: str, encoder: str, size: tuple[int, int]
) -> None:
    architecture = {"decoder": decoder, "encoder": encoder, "expert_channels": 16}
    net = build_network(tlm_card(architecture=architecture)).eval()
    with torch.no_grad():
        assert net(torch.randn(1, 4, *size)).shape == (1, 3, 9, *size)
    dropouts = [m for m in net.modules() if isinstance(m, torch.nn.Dropout) and m.p > 0]
    assert len(dropouts) == 1, "the cross dropout focal loss is made of it"


def test_an_fcn_reads_features_of_stride_8() -> None:
    architecture = {"decoder": "fcn", "encoder": "resnet18", "expert_channels": 16}
    net = build_network(tlm_card(architecture=architecture)).eval()
    with torch.no_grad():
        assert net.decoder(net.encoder(torch.randn(1, 4, 64, 64))).shape == (1, 512, 8, 8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder": "tu-mobilenetv3_small_100"}, "layer3"),
        ({"encoder_depth": 4}, "encoder_depth"),
        ({"decoder_channels": 64}, "width"),
        ({"decoder_stride": 1}, "decoder_stride"),
    ],
)
def test_the_authors_network_takes_no_other_shapes(change: dict[str, Any], message: str) -> None:
    architecture = {"decoder": "deeplabv3plus_authors", "encoder": "resnet50", "expert_channels": 16}
    with pytest.raises((ModelError, ValueError), match=message):
        build_network(tlm_card(architecture=architecture | change))
