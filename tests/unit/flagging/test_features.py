"""Features are found by name, and the paper's are never mixed with ours."""

import numpy as np
import pytest
from mce_landcover.core.flagging.features import (
    FeatureTable,
    Layer,
    feature_names,
    make_features,
    paper_names,
)
from mce_landcover.core.segments.table import SegmentTable, metric_names


def table_of(n: int, n_classes: int, n_layers: int) -> SegmentTable:
    random = np.random.default_rng(0)
    metrics = {name: random.random(n) for name in metric_names(n_classes)}
    whole = np.arange(n)
    bounds = np.zeros((n, 4), np.int64)
    return SegmentTable(metrics, random.integers(0, 500, (n, n_layers)) * 1.0, whole, bounds, whole, whole)


def test_the_paper_has_56_features_of_19_classes_with_position():
    assert len(paper_names(19, position=True)) == 56
    assert set(paper_names(19, position=True)) - set(paper_names(19)) == {"row", "col"}


@pytest.mark.parametrize("position", [False, True])
@pytest.mark.parametrize("n", [0, 4])
def test_columns_are_the_metrics_and_the_scaled_layers(n, position):
    table = table_of(n, 3, 3)
    layers = (Layer("one", 0.5), Layer("two"))  # the third is none of ours: a label, say
    class_ids = np.arange(n) + 7
    features = make_features(table, 3, class_ids, layers, position=position)
    assert features.names == feature_names(3, layers, position=position)
    assert features.names[-3:] == ("mce_class", "mce_one", "mce_two")
    assert features.values.shape == (n, len(features.names))
    for name in paper_names(3, position=position):
        assert features.select([name]).values[:, 0].tolist() == table.metrics[name].tolist()
    assert features.select(["mce_class"]).values[:, 0].tolist() == class_ids.tolist()
    assert features.select(["mce_one"]).values[:, 0].tolist() == (table.means[:, 0] / 2).tolist()
    assert features.select(["mce_two"]).values[:, 0].tolist() == table.means[:, 1].tolist()


def test_paper_features_are_those_without_our_prefix():
    features = make_features(table_of(2, 4, 1), 4, np.array([1, 2]), (Layer("x"),))
    assert features.paper.names == paper_names(4)
    assert features.paper.values.tolist() == features.values[:, : len(paper_names(4))].tolist()


def test_tables_join_by_name_and_an_unknown_name_is_an_error():
    one = FeatureTable(("a", "b"), np.array([[1.0, 2.0]]))
    other = FeatureTable(("b", "a"), np.array([[20.0, 10.0], [40.0, 30.0]]))
    joined = FeatureTable.join([one, other])
    assert joined.names == ("a", "b")
    assert joined.values.tolist() == [[1, 2], [10, 20], [30, 40]]
    assert joined.take(np.array([False, True, True])).values.tolist() == [[10, 20], [30, 40]]
    with pytest.raises(KeyError):
        one.select(["c"])
