import re
from html.parser import HTMLParser
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
from mce_landcover.core.pages.html_page import (
    Heat,
    Line,
    Page,
    Percent,
    Plot,
    Section,
    Swatch,
    Table,
    Text,
    plot_bars,
    plot_lines,
    render_page,
    shown,
)

VOID = {"meta", "br"}


class Reader(HTMLParser):
    """Keeps what a browser would fetch, and whether every element is closed in its turn."""

    def __init__(self):
        super().__init__()
        self.fetched, self.ids, self.open, self.text = [], [], [], []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.fetched += [found[name] for name in ("src", "data", "srcset", "poster") if name in found]
        self.fetched += [v for n, v in attributes if n.endswith("href") and not v.startswith("#")]
        self.fetched += [tag] if tag in ("script", "link", "iframe", "object", "embed") else []
        self.ids += [found["id"]] if "id" in found else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def plots() -> list[str]:
    x = np.arange(20)
    lines = [Line("one <b>", x, np.sqrt(x), marked=True, notes=["a & b"]), Line("two", x, x / 4, band=x / 9)]
    return [
        plot_lines(lines, x_label="looked at", y_label="found"),
        plot_lines([Line("log", [1, 10, 100], [3, 2, 1], dashed=True)], x_label="x", y_label="y", log_x=True),
        plot_bars(["first", "second"], [2, 1], x_label="share"),
    ]


def test_a_page_is_whole_and_fetches_nothing(plots):
    blocks = [Text("words"), *[Plot(svg, f"plot {i}") for i, svg in enumerate(plots)]]
    table = Table(("name", "n"), [("a", 1), ("b", None)], "counts", frozenset({1}))
    page = render_page(Page("Title", "sub", [Section("One", blocks), Section("Two", [table])], {"AUC": 0.5}))
    reader = read(page)
    assert reader.fetched == []
    assert len(reader.ids) == len(set(reader.ids)) > 0
    assert "url(" not in re.sub(r"url\(#[\w-]+\)", "", page)
    assert not re.search(r"@import|<!ENTITY|javascript:", page)
    assert set(re.findall(r"https?://[^\"'<> ]+", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert "prefers-color-scheme: dark" in page


def test_every_reference_inside_a_plot_has_its_target(plots):
    for svg in plots:
        ids = set(re.findall(r'id="([^"]+)"', svg))
        used = set(re.findall(r"url\(#([^)]+)\)", svg)) | set(re.findall(r'href="#([^"]+)"', svg))
        assert used and used <= ids


def test_plots_take_the_colour_of_the_page_and_repeat_to_the_byte(plots):
    for svg in plots:
        assert Xml.fromstring(svg).tag.endswith("svg")
        assert "currentColor" in svg and "#010203" not in svg
        assert "#000000" not in svg and "#ffffff" not in svg
    assert plots[2] == plot_bars(["first", "second"], [2, 1], x_label="share")


def test_words_are_words_and_never_markup(plots):
    hostile = "<script>alert('&')</script>"
    blocks = [Text(hostile), Table((hostile,), [(hostile,)], hostile), Plot(plots[0], hostile)]
    page = render_page(Page(hostile, hostile, [Section(hostile, blocks)], {hostile: hostile}, hostile))
    reader = read(page)
    assert reader.fetched == []
    assert "".join(reader.text).count(hostile) == 12


def test_a_table_aligns_numbers_and_stresses_rows():
    rows = [("a", 1, float("nan")), ("b", None, 2.5)]
    page = render_page(Page("t", "", [Section("s", [Table(("x", "y", "z"), rows, strong=frozenset({0}))])]))
    assert page.count('<td class="number">') == 4
    assert '<tr class="strong"><td>a</td>' in page
    assert page.count("–</td>") == 2


def test_cells_are_shaded_by_their_percentage_and_marked_with_their_colour():
    rows = [(Swatch("a & b", "#0a0b0c"), Heat(100)), (Swatch("plain"), Heat(50)), ("none", Heat(0))]
    page = render_page(Page("t", "", [Section("s", [Table(("x", "y"), rows)])]))
    assert '<i class="swatch" style="background:#0a0b0c"></i>a &amp; b</td>' in page
    assert "<td>plain</td>" in page
    opacities = [float(v) for v in re.findall(r"rgb\(47 127 209 / ([\d.]+)\)", page)]
    assert opacities == [0.7, 0.35]
    assert '<td class="number">0.0</td>' in page


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (np.float64("nan"), "–"),
        (float("inf"), "∞"),
        (True, "yes"),
        (np.bool_(False), "no"),
        (1234567, "1\u202f234\u202f567"),
        (np.int64(7), "7"),
        (0.12345, "0.123"),
        (12345.67, "12\u202f345.7"),
        ("words", "words"),
        (Percent(0.04), "0.0"),
        (Percent(78.66), "78.7"),
        (Percent("nan"), "–"),
    ],
)
def test_cells(value, text):
    assert shown(value) == text


def test_the_lines_drawn_are_the_lines_given():
    svg = plot_lines([Line("l", [0, 1, 2], [0, 1, 0])], x_label="x", y_label="y")
    paths = re.findall(r'<path d="([^"]+)"[^>]*stroke: #2f7fd1', svg)
    assert len(paths) == 1
    points = np.array(re.findall(r"[ML] ([\d.]+) ([\d.]+)", paths[0]), float)
    assert points.shape == (3, 2)
    assert points[1, 0] - points[0, 0] == pytest.approx(points[2, 0] - points[1, 0])
    assert points[0, 1] == points[2, 1] > points[1, 1]
