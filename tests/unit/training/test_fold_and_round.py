import pytest
import torch
from mce_landcover.core.model.network import MceNetwork, build_network
from mce_landcover.training.fold_and_round import settle_weights
from support.cards import tlm_card
from torch import Tensor, nn


def lived_in(encoder: str, decoder: str = "deeplabv3plus") -> MceNetwork:
    """A network whose batch norms have scales, shifts and statistics unlike those of a new one."""
    network = build_network(tlm_card(encoder, decoder))
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            n = module.num_features
            module.weight.data = 0.5 + torch.rand(n, generator=generator)
            module.bias.data = 0.2 * torch.randn(n, generator=generator)
            module.running_mean = 0.2 * torch.randn(n, generator=generator)
            module.running_var = 0.5 + torch.rand(n, generator=generator)
    return network.eval()


def settled(
    network: MceNetwork, encoder: str, decoder: str = "deeplabv3plus"
) -> tuple[MceNetwork, dict[str, Tensor]]:
    state = settle_weights(network, 4)
    other = build_network(tlm_card(encoder, decoder))
    other.load_state_dict(state)
    return other.eval(), state


@pytest.mark.parametrize(("encoder", "decoder"), [("resnet18", "deeplabv3plus"), ("resnet18", "unet")])
def test_norms_scale_by_one_and_the_function_stays(encoder: str, decoder: str) -> None:
    network = lived_in(encoder, decoder)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    other, state = settled(network, encoder, decoder)
    x = torch.randn(2, 4, 64, 64)
    with torch.no_grad():
        expected, got = network(x), other(x)
    assert ((expected - got).abs().mean() / expected.std()).item() < 0.01  # bfloat16 has 8 bits
    for name, tensor in state.items():
        if tensor.dim() == 4:
            assert torch.equal(tensor, tensor.bfloat16().float()), name
        if name.endswith("running_var"):
            scale = state[name.replace("running_var", "weight")] / torch.sqrt(tensor + 1e-5)
            torch.testing.assert_close(scale, torch.ones_like(scale))
    assert all(
        torch.equal(before[n], t) for n, t in network.state_dict().items()
    )  # the original is left alone


class PreActivation(nn.Module):
    """A convolution that feeds its batch norm and a sum: its scale cannot move."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(4, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.norm.weight.data.fill_(3.0)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        return y + self.norm(y)


def test_networks_that_cannot_be_folded_are_only_rounded() -> None:
    network = PreActivation()
    state = settle_weights(network, 4)
    for name, tensor in network.state_dict().items():
        assert torch.equal(state[name], tensor.bfloat16().float() if tensor.dim() == 4 else tensor), name
