import pytest
import torch
from mce_landcover.core.base.errors import ModelError
from mce_landcover.core.model.card import TileCard
from mce_landcover.core.model.tile_network import MeanAndMax, ShortCnn, build_tile_network
from support.tile_cards import sentinel_card, tile_card
from torch import nn
from torch.nn import functional as F


def n_weights(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    "card",
    [
        tile_card(),
        tile_card("short_cnn"),
        tile_card(architecture={"kind": "timm", "encoder": "resnet18", "pooling": "catavgmax"}),
        tile_card(architecture={"kind": "timm", "encoder": "inception_v3"}, window=120),
        sentinel_card(),
    ],
    ids=lambda card: str(card.architecture.encoder or card.architecture.kind),
)
def test_networks_give_a_logit_per_class_and_learn(card: TileCard) -> None:
    network = build_tile_network(card)
    x = torch.randn((2, card.n_bands, card.window, card.window), generator=torch.Generator().manual_seed(1))
    logits = network(x)
    assert logits.shape == (2, len(card.classes))
    logits.square().sum().backward()
    unused = [name for name, p in network.named_parameters() if p.grad is None]
    assert unused == []


def test_a_fine_stem_keeps_twice_the_places_with_the_same_weights() -> None:
    coarse, fine = (
        build_tile_network(tile_card(architecture={"kind": "patch_cnn", "width": 8, "stem_stride": stride}))
        for stride in (2, 1)
    )
    assert n_weights(coarse) == n_weights(fine)
    x = torch.zeros((2, tile_card().n_bands, 32, 32))
    sizes = [next(iter(net.children()))(x).shape[-2:] for net in (coarse, fine)]
    assert sizes == [(16, 16), (32, 32)]


def test_short_cnn_has_the_weights_of_the_paper() -> None:
    assert n_weights(ShortCnn(3, 43, 120)) == 2_523_403


def test_inception_has_the_weights_of_the_paper_without_its_auxiliary_head() -> None:
    """The paper counts 25,200,371: with 43 classes, and the auxiliary head left at 1000 classes."""
    card = tile_card(
        window=120,
        architecture={"kind": "timm", "encoder": "inception_v3"},
        sources=[tile_card().sources[0]],
        classes=[{"id": i + 1, "name": str(i), "color": "#000000", "group": "head"} for i in range(43)],
        label_counts=[1] * 43,
    )
    auxiliary = 128 * 768 + 2 * 128 + 128 * 768 * 25 + 2 * 768 + 768 * 1000 + 1000
    assert n_weights(build_tile_network(card)) + auxiliary == 25_200_371


def test_branches_see_their_own_pixels() -> None:
    """Bands repeated onto the finest grid reach their branch as they were."""
    card = sentinel_card()
    network = build_tile_network(card).eval()
    generator = torch.Generator().manual_seed(3)
    own = [torch.randn((1, n, side, side), generator=generator) for n, side in ((4, 120), (6, 60), (2, 20))]
    fine = torch.cat([F.interpolate(x, size=120, mode="nearest") for x in own], dim=1)
    expected = network.joint(  # type: ignore[operator]
        torch.cat([b(x) for b, x in zip(network.branches, own, strict=True)], dim=1)  # type: ignore[arg-type]
    )
    torch.testing.assert_close(network(fine), expected)


def test_mean_and_max() -> None:
    x = torch.tensor([[[[1.0, 2.0], [3.0, 10.0]]]])
    assert MeanAndMax()(x).tolist() == [[4.0, 10.0]]


def test_the_seed_makes_the_weights_and_nothing_else() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (build_tile_network(tile_card(), seed=s).state_dict() for s in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(first["0.weight"], other["0.weight"])


@pytest.mark.parametrize(
    ("card", "says"),
    [
        (tile_card(architecture={"kind": "timm", "encoder": "no_such_net"}), "'no_such_net' is unknown"),
        (tile_card("short_cnn", window=8), "window of 8 pixels is too small"),
        (tile_card("three_branch"), "needs three sources"),
    ],
)
def test_impossible_networks_are_refused(card: TileCard, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        build_tile_network(card)
