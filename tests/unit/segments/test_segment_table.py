import numpy as np
from mce_landcover.core.segments.table import SegmentTable, metric_names
from support.segments import make_classes, make_scene


def test_the_papers_19_classes_make_56_metrics_and_the_class():
    names = metric_names(19)
    assert len(names) == len(set(names)) == 57
    assert names[:11] == (
        *("class", "E", "E_in", "E_bd", "E_rel", "E_rel_in"),
        *("E_var", "E_var_in", "E_var_bd", "E_var_rel", "E_var_rel_in"),
    )
    assert names[31:38] == ("S", "S_in", "S_bd", "S_rel", "S_rel_in", "row", "col")
    assert names[-1] == "neighbour_18"


def test_an_empty_table_has_all_columns():
    table = SegmentTable.empty(4, 3)
    assert len(table) == 0
    assert tuple(table.metrics) == metric_names(4)
    assert table.means.shape == (0, 3)
    assert table.bounds.shape == (0, 4)


def test_taking_and_joining_undo_each_other():
    table = make_scene(make_classes((9, 9), 3), 3).stream(9)
    mask = table.metrics["class"] == 1
    joined = SegmentTable.join([table.take(mask), table.take(~mask)]).in_raster_order()
    assert 0 < mask.sum() < len(table) == len(joined)
    for name, column in table.metrics.items():
        np.testing.assert_array_equal(joined.metrics[name], column)
    for name in ("means", "first", "bounds", "n_pixels", "n_interior"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(table, name))


def test_missing_values_of_a_layer_show_in_the_mean_of_their_segment_only():
    scene = make_scene(make_classes((6, 6), 2, patch=3, seed=3), 2)
    scene.layers[1, 0, 0] = np.nan
    table = scene.stream(2)
    np.testing.assert_array_equal(np.isnan(table.means[:, 1]), table.first == 0)
    assert np.isfinite(table.means[:, 0]).all()
