import numpy as np
import pytest
from mce_landcover.core.pages.html_page import render_page
from mce_landcover.training.data.shared import shared_data
from mce_landcover.training.multilabel.split_comparison import comparison_page, scarce_labels, split_labels
from mce_landcover.training.multilabel.tiles import Bools, read_label_counts

NAMES = ("often", "sometimes", "rarely", "once", "never")


def long_tail(n: int = 500) -> Bools:
    rng = np.random.default_rng(8)
    labels = rng.random((n, 5)) < [0.7, 0.2, 0.02, 0.0, 0.0]
    labels[17, 3] = True
    return labels


def test_shares_add_up_and_deviations_are_the_largest() -> None:
    split = split_labels(long_tail(), NAMES, "iterative")
    np.testing.assert_allclose(split.held[:, :4].sum(axis=0), 1)
    assert np.isnan(split.held[:, 4]).all()
    expected = np.abs(split.held[:, 1] - [0.6, 0.2, 0.2]).max()
    assert split.deviation[1] == pytest.approx(expected)


def test_stratified_splits_deviate_less() -> None:
    labels = long_tail()
    mean = {
        strategy: np.mean(
            [np.nanmean(split_labels(labels, NAMES, strategy, seed=s).deviation[:3]) for s in range(5)]
        )
        for strategy in ("random", "iterative")
    }
    assert mean["iterative"] < 0.3 * mean["random"]


def test_a_class_with_one_sample_is_told() -> None:
    told = scarce_labels(long_tail(), NAMES)
    assert told == [
        "The class once has 1 sample for 3 splits, so some splits will not hold it.",
        "The class never has 0 samples for 3 splits, so no score tells anything about it.",
    ]
    split = split_labels(long_tail(), NAMES, "iterative")
    assert sum("once" in warning for warning in split.report.warnings()) == 2
    assert split.as_json()["samples"]["once"] in ([1, 0, 0], [0, 1, 0], [0, 0, 1])


def test_the_page_shows_every_class_and_split() -> None:
    labels = long_tail()
    splits = {name: split_labels(labels, NAMES, name) for name in ("random", "iterative")}
    page = render_page(comparison_page(splits, "Splits", "made up"))  # type: ignore[arg-type]
    assert all(name in page for name in (*NAMES, "random: train", "iterative: test", "<svg"))


@pytest.mark.shared_data
def test_real_label_tables_split_evenly() -> None:
    path = shared_data() / "multilabel" / "soil_tiles.npz"
    if not path.exists():
        pytest.skip(f"no label table at {path}")
    table = read_label_counts(path)
    random, stratified = (split_labels(table.labels(), table.classes, s) for s in ("random", "iterative"))
    assert np.nanmean(stratified.deviation) < 0.3 * np.nanmean(random.deviation)
