"""The model card as text: nothing of it is lost, numbers are right, lines fit, and odd cards do no harm."""

from typing import Any

import pytest
from mce_landcover.service.info import TEXT_WIDTH, summary_text
from support.cards import tlm_card

MEASURES = {
    "overall": 0.9123,
    "mean_recall": 0.7,
    "mean_iou": None,
    "groups": {"head": 0.95, "body": 0.5, "tail": 0.125},
    "recall": {"water": 0.9876, "large blocks with grass": None},
    "iou": {"water": 0.4321},
}


def text_of(**changes: Any) -> str:
    return summary_text(tlm_card(**changes), "f00d" * 16, "/models/a.safetensors")


def row_of(text: str, name: str) -> str:
    (line,) = [line for line in text.splitlines() if name in line]
    return " ".join(line.split())


def test_every_class_expert_and_source_is_told() -> None:
    card, text = tlm_card(), text_of()
    told = [*(c.name for c in card.classes), *(e.name for e in card.experts), *(s.role for s in card.sources)]
    assert [
        name for name in [*told, "f00d" * 16, "/models/a.safetensors", "mean_responsible"] if name not in text
    ] == []


def test_a_class_has_its_group_share_and_experts() -> None:
    # pixel_counts are 1..9: class 3 has 3 of 45 pixels, and all three experts answer for it.
    assert row_of(text_of(), "■ large blocks  ") == "3 ■ large blocks tail 6.67 x x x"
    assert row_of(text_of(), "■ scree  ") == "5 ■ scree head 11.11 x"


def test_scores_stand_beside_the_classes_and_by_rule() -> None:
    scores = {"mean_responsible": MEASURES, "expert_1": {"overall": 0.5, "recall": {}}, "test": [{"seed": 3}]}
    text = text_of(scores=scores)
    assert row_of(text, "■ water") == "7 ■ water body 15.56 x x 98.8 43.2"
    assert "mean_responsible 91.2 70.0 95.0 50.0 12.5" in " ".join(text.split())
    assert row_of(text, "expert_1") == "expert_1 50.0"
    assert "seed" in text


def test_provenance_is_told_whatever_its_form() -> None:
    text = text_of(
        provenance={"data": "synthetic", "settings": {"steps": 5, "rate": 0.00012}, "odd": [1, None]}
    )
    assert row_of(text, "settings.steps") == "settings.steps 5"
    assert row_of(text, "settings.rate") == "settings.rate 0.00012"
    assert "[1, None]" in text


@pytest.mark.parametrize(
    "scores", [{"recall": 3}, {"mean_responsible": {"recall": "high"}}, {"x": {"recall": {"water": "?"}}}]
)
def test_scores_of_another_form_do_no_harm(scores: dict[str, Any]) -> None:
    assert "water" in text_of(scores=scores)


def test_lines_fit_and_markup_in_a_card_is_only_text() -> None:
    text = text_of(
        name="[red]x[/red]",
        description="[link=https://example.org]\x1b[31m" + "long " * 100,
        provenance={"[b]": "[/b]"},
    )
    assert max(map(len, text.splitlines())) <= TEXT_WIDTH
    assert "[red]x[/red]" in text
    assert "[link=https://example.org]" in text
    assert "\x1b" not in text
