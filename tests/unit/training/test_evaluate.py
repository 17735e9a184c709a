"""What is said of a training in a few numbers."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mce_landcover.core.evaluation.scores import confusion_matrix, scores
from mce_landcover.training.data.samples import spans
from mce_landcover.training.data.tiles import Area
from mce_landcover.training.evaluate import all_rules, evaluate, score_line, shares_of
from support.cards import tlm_card
from torch import nn

CARD = tlm_card()
IDS = [c.id for c in CARD.classes]


class Teller(nn.Module):
    """Stands for a network: expert 1 reads the class from red, expert 2 says forest, expert 3 is mute."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ids = torch.round((x[:, 0] * 0.25 + 0.5) * 255).long()  # undo the normalisation of the red band
        logits = torch.zeros(len(x), 3, len(IDS), *x.shape[-2:])
        for channel, class_id in enumerate(IDS):
            logits[:, 0, channel][ids == class_id] = 9.0
        logits[:, 1, IDS.index(8)] = 1.0
        return logits


def make_area(height: int, width: int, wrong: float = 0.0) -> Area:
    """Labels with a red band that tells them, except for a share `wrong` of the pixels."""
    rng = np.random.default_rng(height * width)
    labels = rng.choice([0, *IDS], (height, width)).astype(np.uint8)
    raw = np.zeros((4, height, width), np.float32)
    raw[0] = np.where(rng.random(labels.shape) < wrong, rng.choice(IDS, labels.shape), labels)
    return Area(raw, labels)


@given(side=st.integers(1, 300), window=st.integers(1, 80), share=st.floats(0.1, 1))
def test_spans_cover_an_axis_exactly_once(side: int, window: int, share: float) -> None:
    seen = np.zeros(side, int)
    for start, part in spans(side, window, max(1, int(window * share))):
        assert start >= 0 and 0 <= part.start <= part.stop <= window
        seen[start + part.start : start + part.stop] += 1
    assert (seen == 1).all()


@pytest.mark.parametrize("stride", [None, 32, 50])
def test_scores_are_those_of_the_whole_map(stride: int | None) -> None:
    areas = [make_area(150, 97, wrong=0.3), make_area(20, 64, wrong=0.1)]
    got = evaluate(Teller(), CARD, areas, ["expert_1", "expert_2", "oracle"], stride=stride, batch_size=3)
    matrix = sum(confusion_matrix(a.labels, a.raw[0].astype(np.uint8), IDS) for a in areas)
    for_one = scores(matrix, [c.group for c in CARD.classes])
    assert got["expert_1"].as_json() == for_one.as_json()
    forest = sum((a.labels == 8).sum() for a in areas) / sum((a.labels > 0).sum() for a in areas)
    assert got["expert_2"].overall == pytest.approx(forest)
    assert got["oracle"].recall[IDS.index(8)] == pytest.approx(for_one.recall[IDS.index(8)])  # a head class
    assert got["oracle"].recall[IDS.index(7)] == 0  # expert 2 answers for water, and says forest


def test_all_rules_are_the_default_the_experts_and_the_oracle() -> None:
    assert all_rules(CARD) == ["mean_responsible", "expert_1", "expert_2", "expert_3", "oracle"]
    assert set(evaluate(Teller(), CARD, [make_area(64, 64)], all_rules(CARD))) == set(all_rules(CARD))


def test_a_group_without_a_labelled_pixel_is_not_told_as_a_number() -> None:
    found = scores(np.array([[8, 2, 0], [1, 4, 0], [0, 0, 0]]), ("head", "body", "tail"))
    said = score_line("test", "mean", found)
    assert said.startswith("Test, mean: mean IoU ") and said.endswith(
        "overall 0.800, head 0.800, body 0.800."
    )
    assert "nan" not in said
    assert shares_of(found.as_json())["tail"] is None
