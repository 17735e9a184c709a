"""LRP against closed forms, gradient x input, zennit's own Attributor and conservation."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.base.errors import ModelError
from mce_landcover.core.explain.lrp import Explainer, Rules, epsilon_plus_flat, epsilon_zero, stabiliser
from mce_landcover.core.explain.survey import survey
from mce_landcover.core.model.bundle import load_bundle
from mce_landcover.core.model.network import build_network
from mce_landcover.core.model.torch_setup import lrp_rules, one_thread
from support.cards import tlm_card
from torch import Tensor, nn
from torch.nn import functional as F

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def same_numbers_each_time():
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        yield


def one_hot(output: Tensor, channel: int) -> Tensor:
    weights = torch.zeros_like(output)
    weights[:, channel] = 1
    return weights


def relevance(
    network: nn.Module, inputs: Tensor, channel: int, rules: Rules | None = None
) -> tuple[Tensor, Tensor]:
    """The relevance of the inputs to the summed logit of a channel, and that sum."""
    explainer = Explainer(network, inputs, rules)
    weights = one_hot(explainer.example_output, channel)
    found, logits = explainer.relevance(inputs, weights)
    return found, (weights * logits).sum()


def gradient_times_input(network: nn.Module, inputs: Tensor, channel: int) -> Tensor:
    inputs = inputs.clone().requires_grad_()
    output = network.eval()(inputs)
    (gradient,) = torch.autograd.grad((one_hot(output, channel) * output).sum(), inputs)
    return (gradient * inputs).detach()


class Block(nn.Module):
    """A residual block; its batch norms are assigned in another order than they run."""

    def __init__(self, n_in: int, n_out: int):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2, self.bn1 = nn.BatchNorm2d(n_out), nn.BatchNorm2d(n_out)
        self.short = nn.Conv2d(n_in, n_out, 1, bias=False)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.short(x)
        return self.relu(out)


class Small(nn.Module):
    """An encoder-decoder with what real ones have: residual sums, pooling, upsampling, a skip, one logit map
    per class, or their means over the image."""

    def __init__(self, n_bands: int, width: int, n_classes: int, *, pool: str, mode: str, dense: bool):
        super().__init__()
        self.stem = nn.Conv2d(n_bands, width, 3, padding=1, bias=False)
        self.down = {"max": nn.MaxPool2d(2), "avg": nn.AvgPool2d(2)}[pool]
        self.block = Block(width, width)
        self.join = nn.Conv2d(2 * width, width, 3, padding=1, bias=False)
        self.dense, self.mode = dense, mode
        self.head = (
            nn.Conv2d(width, n_classes, 1, bias=False) if dense else nn.Linear(width, n_classes, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        fine = torch.relu(self.stem(F.pad(x, (1, 0, 0, 1), mode="replicate")))
        deep = self.block(self.down(fine))
        corners = {"align_corners": False} if self.mode == "bilinear" else {}
        deep = F.interpolate(deep, size=fine.shape[-2:], mode=self.mode, **corners)
        both = F.relu(self.join(torch.cat([deep, fine], dim=1)), inplace=True)
        return self.head(both)[..., 1:, :] if self.dense else self.head(both.mean((2, 3)))


def randomise(network: nn.Module, seed: int) -> nn.Module:
    """Random weights; batch norms without shift, so that the network has no bias anywhere."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.normal_(module.weight, 0, 1 / math.sqrt(module.weight[0].numel()), generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            module.weight.data = 0.5 + torch.rand(module.num_features, generator=generator)
            module.running_var = 0.5 + torch.rand(module.num_features, generator=generator)
    return network.eval()


@st.composite
def small_networks(draw: Callable) -> tuple[nn.Module, Tensor]:
    n_bands, side = draw(st.integers(1, 4)), draw(st.integers(5, 12))
    network = Small(
        n_bands,
        draw(st.integers(6, 12)),
        draw(st.integers(2, 4)),
        pool=draw(st.sampled_from(["max", "avg"])),
        mode=draw(st.sampled_from(["nearest", "bilinear"])),
        dense=draw(st.booleans()),
    )
    seed = draw(st.integers(0, 2**31))
    inputs = torch.randn((1, n_bands, side, side + 1), generator=torch.Generator().manual_seed(seed))
    return randomise(network, seed), inputs


@settings(max_examples=25, deadline=None)
@given(made=small_networks())
def test_relevance_adds_up_to_the_logit_without_biases(made: tuple[nn.Module, Tensor]) -> None:
    network, inputs = made
    n_bands = inputs.shape[1]
    for rules in (epsilon_plus_flat(), epsilon_plus_flat([1] * n_bands), epsilon_zero()):
        found, logit = relevance(network, inputs, 1, rules)
        scale = max(abs(float(logit)), 0.01 * float(found.abs().sum()))
        assert abs(float(found.sum() - logit)) <= 0.01 * scale


@settings(max_examples=25, deadline=None)
@given(made=small_networks())
def test_the_epsilon_zero_rule_is_gradient_times_input(made: tuple[nn.Module, Tensor]) -> None:
    network, inputs = (made[0].double(), made[1].double())
    found, _ = relevance(network, inputs, 0, epsilon_zero(1e-200))
    expected = gradient_times_input(network, inputs, 0)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)


def test_a_linear_layer_in_closed_form() -> None:
    layer = nn.Linear(5, 3)
    inputs = torch.randn(2, 5)
    found, _ = relevance(layer, inputs, 1, epsilon_zero())
    torch.testing.assert_close(found, inputs * layer.weight[1])
    flat, _ = relevance(layer, inputs, 1)
    torch.testing.assert_close(flat, (layer(inputs)[:, 1:2] / 5).expand(2, 5).detach())


def test_two_layers_in_closed_form() -> None:
    """Flat below, epsilon above: each unit gives away what it adds to the logit, evenly."""
    first, second = nn.Linear(4, 6), nn.Linear(6, 3)
    inputs = torch.randn(1, 4)
    found, _ = relevance(nn.Sequential(first, nn.ReLU(), second), inputs, 2)
    hidden = torch.relu(first(inputs))
    expected = (hidden * second.weight[2]).sum() / 4
    torch.testing.assert_close(found, expected.detach().expand(1, 4))


def test_three_layers_in_closed_form() -> None:
    """z+ in the middle: `R_i = a_i w_ij+ / sum_i(a_i w_ij+ + b_j+) R_j`."""
    layers = [nn.Conv2d(2, 4, 1), nn.Conv2d(4, 5, 1), nn.Conv2d(5, 3, 1)]
    inputs = torch.randn(1, 2, 1, 1)
    found, _ = relevance(nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2]), inputs, 0)
    a1 = torch.relu(layers[0](inputs))[0, :, 0, 0]
    a2 = torch.relu(layers[1](a1[None, :, None, None]))[0, :, 0, 0]
    r2 = a2 * layers[2].weight[0, :, 0, 0]
    z = a1 * layers[1].weight[:, :, 0, 0].clamp(min=0)  # (out, in)
    total = z.sum(1, keepdim=True) + layers[1].bias.clamp(min=0)[:, None]
    r1 = (z / total.clamp(min=1e-9) * r2[:, None]).sum(0)
    torch.testing.assert_close(found, (r1.sum() / 2).detach().expand(1, 2, 1, 1))


def resnet(depth: int) -> nn.Module:
    """torchvision's, with batch norms as training leaves them."""
    lrp_rules()
    from torchvision.models import resnet

    network = randomise(getattr(resnet, f"resnet{depth}")(num_classes=4, width_per_group=64), depth)
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.bias, 0, 0.1, generator=generator)
            nn.init.normal_(module.running_mean, 0, 0.1, generator=generator)
            module.eps = 1e-9  # zennit's own merging leaves it in
    return network


@pytest.mark.parametrize("depth", [18, 50])
def test_a_resnet_as_zennit_itself_does_it(depth: int) -> None:
    zennit = lrp_rules()
    network, inputs = resnet(depth), torch.randn(1, 3, 33, 40)
    found, _ = relevance(network, inputs, 2)
    keep = stabiliser(1e-9)
    canonizers = [zennit.torchvision.ResNetCanonizer()]
    composite = zennit.composites.EpsilonPlusFlat(epsilon=keep, stabilizer=keep, canonizers=canonizers)
    with zennit.attribution.Gradient(network, composite) as attributor:
        _, expected = attributor(inputs, lambda output: one_hot(output, 2) * output)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_timm_and_torchvision_give_one_answer_for_one_network() -> None:
    network = resnet(18)
    import timm

    twin = timm.create_model("resnet18", num_classes=4).eval()
    twin.load_state_dict(network.state_dict())
    inputs = torch.randn(1, 3, 40, 33)
    found, _ = relevance(twin, inputs, 1)
    expected, _ = relevance(network, inputs, 1)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_the_network_is_left_as_it_was() -> None:
    network = resnet(18)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    relevance(network, torch.randn(1, 3, 32, 32), 0)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())


def test_the_demo_model_is_seen_through() -> None:
    bundle = load_bundle()
    network, card = bundle.network(), bundle.card
    seen = survey(network, torch.randn(1, card.n_bands, card.window, card.window))
    assert seen.first == ("encoder.conv1",)
    assert seen.heads == tuple(f"experts.{k}.3" for k in range(len(card.experts)))
    norms = {name for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)}
    assert {norm for _, norm in seen.merges} == norms


def test_batch_norms_are_merged_as_the_tensors_run_not_as_they_were_assigned() -> None:
    seen = survey(randomise(Block(2, 4), 0), torch.randn(1, 2, 5, 5))
    assert seen.merges == (("conv1", "bn1"), ("conv2", "bn2"))
    assert seen.first == ("conv1", "short")


@pytest.mark.parametrize("n_bands", [(3, 1), (1, 2), (2, 1, 2)])
def test_sources_share_what_the_flat_rule_gives_a_pixel(n_bands: tuple[int, ...]) -> None:
    network = randomise(Small(sum(n_bands), 8, 3, pool="max", mode="bilinear", dense=True), 5)
    inputs = torch.randn(1, sum(n_bands), 9, 8)
    flat, _ = relevance(network, inputs, 1)
    shared, _ = relevance(network, inputs, 1, epsilon_plus_flat(n_bands))
    torch.testing.assert_close(shared.sum(1), flat.sum(1), rtol=1e-3, atol=1e-5)
    for bands in shared.split(n_bands, dim=1):
        torch.testing.assert_close(bands, bands[:, :1].expand_as(bands))
    assert not torch.allclose(shared, flat, atol=1e-3)


def test_shares_of_sources_in_closed_form() -> None:
    """A source with positive contributions 3 beside one with 1 gets three quarters; an empty one none."""
    layer = nn.Conv2d(4, 1, 1, bias=False)
    layer.weight.data = torch.tensor([1.0, 2.0, -1.0, 5.0]).reshape(1, 4, 1, 1)
    inputs = torch.tensor([1.0, 1.0, -1.0, 0.0]).reshape(1, 4, 1, 1)
    found, logit = relevance(layer, inputs, 0, epsilon_plus_flat([2, 1, 1]))
    expected = torch.tensor([0.375, 0.375, 0.25, 0.0]) * logit
    torch.testing.assert_close(found.flatten(), expected)


@pytest.mark.parametrize("decoder", ["unet", "deeplabv3plus", "deeplabv3plus_authors", "fcn"])
def test_every_decoder_hands_all_relevance_on(decoder: str) -> None:
    """Also the depthwise convolutions of DeepLabV3+, whose outputs are often negative altogether."""
    shape = {"decoder": decoder, "encoder": "resnet18", "expert_channels": 8}
    if decoder in ("unet", "deeplabv3plus"):
        shape["decoder_channels"] = 8
    network = build_network(tlm_card(architecture=shape)).eval()
    for module in network.modules():
        if getattr(module, "bias", None) is not None:
            module.bias.data.zero_()
    inputs = torch.randn(1, 4, 64, 64)
    explainer = Explainer(network, inputs)
    weights = torch.zeros_like(explainer.example_output)
    weights[0, 1, 2, 20:40, 20:40] = 1
    found, logits = explainer.relevance(inputs, weights)
    logit = float((weights * logits).sum())
    assert abs(float(found.sum()) - logit) <= 0.01 * max(abs(logit), 0.01 * float(found.abs().sum()))


def test_outputs_without_positive_contributions_in_closed_form() -> None:
    """Two depthwise outputs, -2 and 3, and a head that adds them: the first hands its -2 on all the same."""
    stem = nn.Conv2d(1, 2, 1, bias=False)
    depthwise = nn.Conv2d(2, 2, 1, groups=2, bias=False)
    head = nn.Conv2d(2, 1, 1, bias=False)
    for layer, weights in ((stem, [1.0, 1.0]), (depthwise, [-2.0, 3.0]), (head, [1.0, 1.0])):
        layer.weight.data = torch.tensor(weights).reshape(layer.weight.shape)
    network = nn.Sequential(stem, nn.ReLU(), depthwise, head)
    inputs = torch.ones(1, 1, 1, 1)
    found, logit = relevance(network, inputs, 0)
    assert (float(logit), float(found.sum())) == (1.0, pytest.approx(1.0))


class Gated(nn.Module):
    """Squeeze and excitation: a gate of one number per channel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, bias=False)
        self.gate = nn.Conv2d(4, 4, 1)
        self.head = nn.Linear(4, 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.silu(self.conv(x))
        x = x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True)))
        return self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))


def test_a_gate_takes_no_relevance() -> None:
    network = Gated().eval()
    inputs = torch.rand(1, 2, 6, 6)
    found, logit = relevance(network, inputs, 1)
    assert float(found.sum()) == pytest.approx(float(logit), rel=0.01)


class Branches(nn.Module):
    """Two branches that read bands of their own, at their own resolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Conv2d(2, 4, 3, bias=False)
        self.coarse = nn.Conv2d(3, 4, 1, bias=False)
        self.head = nn.Linear(8, 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        fine = torch.relu(self.fine(x[:, :2])).mean((2, 3))
        coarse = torch.relu(self.coarse(F.avg_pool2d(x[:, 2:], 2))).mean((2, 3))
        return self.head(torch.cat([fine, coarse], dim=1))


def test_every_branch_that_reads_the_input_is_a_first_layer() -> None:
    network, inputs = Branches().eval(), torch.randn(1, 5, 8, 8)
    assert survey(network, inputs).first == ("fine", "coarse")
    found, logit = relevance(network, inputs, 0, epsilon_plus_flat([2, 3]))
    assert float(found.sum()) == pytest.approx(float(logit), rel=0.01)


def test_averages_of_the_input_share_evenly() -> None:
    """Also where they are near 0 and what they are made of is not."""
    network, inputs = Branches().eval(), torch.tensor([1.0, -1.0]).repeat(4).expand(1, 5, 8, 8) + 0.01
    found, _ = relevance(network, inputs, 0)
    coarse = found[:, 2:].unflatten(3, (4, 2)).unflatten(2, (4, 2))
    torch.testing.assert_close(coarse, coarse.mean((3, 5), keepdim=True).expand_as(coarse))


class Wrapped(nn.Module):
    """A layer and what is done with its output."""

    def __init__(self, what: Callable[[nn.Module, Tensor], Tensor]):
        super().__init__()
        self.layer, self.norm, self.what = nn.Conv2d(2, 2, 1), nn.GroupNorm(1, 2), what

    def forward(self, x: Tensor) -> Tensor:
        return self.what(self, x)


def in_place(network: nn.Module, x: Tensor) -> Tensor:
    y = network.layer(x)
    y.add_(x)  # not bound to a name: what follows sees it only through the tensor
    return y


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (lambda n, x: torch.softmax(n.layer(x), 1), "softmax outside"),
        (lambda n, x: n.norm(n.layer(x)), "group_norm outside"),
        (lambda n, x: n.layer(n.layer(x)), "layer more than once"),
        (lambda n, x: n.layer(x) * x, "mul outside"),
        (lambda n, x: F.conv2d(x, n.layer.weight), "conv2d outside"),
        (lambda n, x: [n.layer(x)], "one tensor"),
        (in_place, "other logits"),
    ],
)
def test_networks_without_a_rule_are_refused(what: Callable, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        Explainer(Wrapped(what).eval(), torch.randn(1, 2, 4, 4))


def test_layers_that_do_more_than_their_name_says_are_refused() -> None:
    class Standardised(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            return F.conv2d(x, self.weight - self.weight.mean())

    with pytest.raises(ModelError, match="Standardised"):
        Explainer(nn.Sequential(Standardised(2, 3, 1)), torch.randn(1, 2, 4, 4))
