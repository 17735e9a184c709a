import re
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
from mce_landcover.core.pages.html_page import Dots, plot_dots


def places(svg: str, color: str) -> np.ndarray:
    """Where the markers of a colour stand, `[n, 2]`, in the order of their rows."""
    found = re.findall(rf'<use [^>]*x="([\d.]+)" y="([\d.]+)"[^>]*{color}', svg)
    return np.array(found, float)[:-1]  # the last is the legend's


def test_dots_stand_where_their_values_are_and_nan_is_not_drawn() -> None:
    series = [Dots("one", [0, 50, 100]), Dots("two", [10, np.nan, 30])]
    svg = plot_dots(["a", "b", "c"], series, x_label="percent", x_limits=(0, 100))
    one, two = places(svg, "#2f7fd1"), places(svg, "#d9772b")
    assert (len(one), len(two)) == (3, 2)
    assert one[1, 0] - one[0, 0] == pytest.approx(one[2, 0] - one[1, 0], rel=1e-3)
    scale = (one[2, 0] - one[0, 0]) / 100
    assert (two[:, 0] - one[0, 0]) / scale == pytest.approx([10, 30], rel=1e-3)
    assert two[:, 1].tolist() == one[[0, 2], 1].tolist()  # series of a row stand on one line
    assert list(one[:, 1]) == sorted(one[:, 1])  # the first name on top


def test_intervals_stand_apart_and_have_their_width() -> None:
    series = [Dots("one", [50.0], [10.0]), Dots("two", [60.0], [20.0])]
    svg = plot_dots(["a"], series, x_label="x", x_limits=(0, 100))
    one, two = places(svg, "#2f7fd1"), places(svg, "#d9772b")
    assert one[0, 1] != two[0, 1]
    scale = (two[0, 0] - one[0, 0]) / 10
    bars = re.findall(
        r'<path d="M ([\d.]+) ([\d.]+)\s+L ([\d.]+) [\d.]+\s*"[^>]*stroke: #(2f7fd1|d9772b)', svg
    )
    at = {y: (float(a), float(b)) for a, y, b, _ in bars}
    widths = sorted((b - a) / scale for a, b in at.values())
    assert [w for w in widths if w == pytest.approx(20, rel=1e-2)]
    assert [w for w in widths if w == pytest.approx(40, rel=1e-2)]


@pytest.mark.parametrize("log", [False, True])
def test_a_plot_is_whole_whatever_is_missing(log: bool) -> None:
    nothing = [np.nan, np.nan]
    for series in ([Dots("n", nothing)], [Dots("n", nothing, nothing), Dots("m", [1, np.nan], hollow=True)]):
        svg = plot_dots(["<a>", "b"], series, x_label="x", log_x=log)
        text = "".join(Xml.fromstring(svg).itertext())
        assert "<a>" in text and "n" in text
        assert svg == plot_dots(["<a>", "b"], series, x_label="x", log_x=log)
