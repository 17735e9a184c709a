"""What is said of a training in a few numbers."""

import numpy as np
from mce_landcover.core.evaluation.scores import scores
from mce_landcover.training.evaluate import score_line, shares_of


def test_a_group_without_a_labelled_pixel_is_not_told_as_a_number() -> None:
    found = scores(np.array([[8, 2, 0], [1, 4, 0], [0, 0, 0]]), ("head", "body", "tail"))
    said = score_line("test", "mean", found)
    assert said.startswith("Test, mean: mean IoU ") and said.endswith(
        "overall 0.800, head 0.800, body 0.800."
    )
    assert "nan" not in said
    assert shares_of(found.as_json())["tail"] is None
