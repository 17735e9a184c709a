import pytest
import torch
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.model.network import build_network
from mce_landcover.training.losses.cdfl import CrossDropoutFocalLoss, cdfl_loss, dropout_variance
from mce_landcover.training.losses.cross_entropy import cross_entropy
from support.cards import tlm_card
from torch import Tensor, nn


@pytest.fixture
def batch() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(6)
    logits, variance = (
        draw((2, 3, 4, 5), generator=generator, dtype=torch.float64) for draw in (torch.randn, torch.rand)
    )
    labels = torch.randint(0, 3, (2, 4, 5), generator=generator)
    labels[1, 2, :3] = 255
    return logits, labels, variance / 4


def small_network(p: float = 0.4) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(2, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout2d(p), nn.Conv2d(8, 3, 1)
        )


def passes_of(network: nn.Module, x: Tensor, n: int) -> Tensor:
    """The softmax of n passes with dropout and frozen batch norm, by hand: `[n, B, C, H, W]`."""
    network.eval()
    for module in network.modules():
        if isinstance(module, nn.Dropout2d):
            module.train()
    with torch.no_grad():
        return torch.stack([network(x).softmax(1) for _ in range(n)])


def test_equals_loops(batch: tuple[Tensor, Tensor, Tensor]) -> None:
    logits, labels, variance = batch
    first, second = [], []
    for b, r, c in (labels != 255).nonzero().tolist():
        y = int(labels[b, r, c])
        log_p = float(logits[b, :, r, c].log_softmax(0)[y])
        first.append(-log_p)
        second.append(-0.6 * float(variance[b, y, r, c]) ** 3 * log_p)
    expected = sum(first) / len(first) + 0.2 * sum(second) / len(second)
    got = cdfl_loss(logits, labels, variance, alpha=0.6, gamma=3, omega=0.2)
    assert got.item() == pytest.approx(expected)
    module = CrossDropoutFocalLoss(alpha=0.6, gamma=3, omega=0.2)
    assert torch.equal(module(logits, labels, variance), got)


def test_without_variance_or_omega_it_is_cross_entropy(batch: tuple[Tensor, Tensor, Tensor]) -> None:
    logits, labels, variance = batch
    expected = cross_entropy(logits, labels)
    torch.testing.assert_close(cdfl_loss(logits, labels, 0 * variance), expected)
    torch.testing.assert_close(cdfl_loss(logits, labels, variance, omega=0), expected)


def test_largest_variance_adds_what_the_docstring_says(batch: tuple[Tensor, Tensor, Tensor]) -> None:
    logits, labels, variance = batch
    largest = torch.full_like(variance, 0.25)
    plain = cross_entropy(logits, labels).item()
    assert cdfl_loss(logits, labels, largest).item() / plain - 1 == pytest.approx(4.6875e-4)
    normal = cdfl_loss(logits, labels, largest, normalize=True)
    assert normal.item() / plain - 1 == pytest.approx(0.01 * 0.75)


def test_gradient_does_not_flow_into_the_variance(batch: tuple[Tensor, Tensor, Tensor]) -> None:
    logits, labels, variance = batch
    variance.requires_grad_()
    module = CrossDropoutFocalLoss(omega=1.0, normalize=True)
    assert torch.autograd.gradcheck(lambda z: module(z, labels, variance.detach()), logits.requires_grad_())
    module(logits, labels, variance).backward()
    assert variance.grad is None


def test_variance_is_the_population_variance_of_the_passes() -> None:
    network, x = small_network(), torch.randn((2, 2, 5, 6), generator=torch.Generator().manual_seed(1))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(9)
        p = passes_of(network, x, 5).double()
        torch.manual_seed(9)
        got = dropout_variance(network, x, passes=5)
    torch.testing.assert_close(got, p.var(dim=0, correction=0).float(), atol=1e-7, rtol=1e-4)
    literal = p.square().mean(0) - p.mean(0).square()  # eq. 4
    torch.testing.assert_close(got, literal.float(), atol=1e-7, rtol=1e-4)
    mean = p.mean(0)
    assert (got <= mean * (1 - mean) + 1e-6).all()  # the largest for numbers in 0..1 with this mean
    assert got.max() > 1e-4 and got.min() >= 0


def test_passes_of_a_certain_network_do_not_vary() -> None:
    network = nn.Sequential(nn.Dropout(0.5), nn.Conv2d(2, 3, 1))
    assert dropout_variance(network, torch.zeros(1, 2, 4, 4)).eq(0).all()  # dropping zeros changes nothing


def test_modes_and_running_statistics_stay_as_they_were() -> None:
    network = small_network().train()
    network[1].eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    modes = [m.training for m in network.modules()]
    with torch.random.fork_rng(devices=[]):
        variance = dropout_variance(network, torch.randn(2, 2, 5, 5))
    assert not variance.requires_grad
    assert [m.training for m in network.modules()] == modes
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_modes_are_restored_after_a_failure() -> None:
    network = small_network().train()
    with pytest.raises(RuntimeError):
        dropout_variance(network, torch.zeros(1, 7, 5, 5))
    assert all(m.training for m in network.modules())


@pytest.mark.parametrize("network", [nn.Conv2d(2, 3, 1), small_network(p=0.0)])
def test_a_network_without_dropout_is_refused(network: nn.Module) -> None:
    with pytest.raises(InputError, match="no active dropout layer"):
        dropout_variance(network, torch.zeros(1, 2, 5, 5))


def test_the_shipped_decoder_with_dropout_varies() -> None:
    network = build_network(tlm_card(n_experts=1))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        variance = dropout_variance(network, torch.randn(1, 4, 64, 64), passes=2)
    assert variance.shape == (1, 1, 9, 64, 64)
    assert 0 < variance.max() <= 0.25


def test_an_encoder_without_dropout_runs_once_and_changes_nothing() -> None:
    network, calls = build_network(tlm_card(n_experts=1)), []
    network.encoder.register_forward_hook(lambda *_: calls.append(1))
    x = torch.randn(1, 4, 50, 64, generator=torch.Generator().manual_seed(2))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        variance = dropout_variance(network, x, passes=3)
        assert len(calls) == 1
        torch.manual_seed(4)
        expected = dropout_variance(nn.Sequential(network), x, passes=3)  # a network of unknown parts
    assert len(calls) == 4
    torch.testing.assert_close(variance, expected)


def test_what_does_not_fit_is_refused(batch: tuple[Tensor, Tensor, Tensor]) -> None:
    logits, labels, variance = batch
    with pytest.raises(ValueError, match="does not fit logits"):
        cdfl_loss(logits, labels, variance[:1])
    with pytest.raises(ValueError, match="at least 2 passes"):
        dropout_variance(small_network(), torch.zeros(1, 2, 5, 5), passes=1)
