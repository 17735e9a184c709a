"""The styles are XML that QGIS can read; that it shows them is tested end to end."""

from xml.etree import ElementTree as Xml

from mce_landcover.core.geodata.styles import STATES, style_by_class, style_by_state
from mce_landcover.core.model.classes import LandCoverClass

CLASSES = (
    LandCoverClass(id=3, name="rock & <scree>", color="#d7301f", group="tail"),
    LandCoverClass(id=40, name='"blocks"', color="#F768A1", group="tail"),
)


def parsed(style: str) -> Xml.Element:
    assert style.startswith("<!DOCTYPE qgis")
    return Xml.fromstring(style)


def colors(root: Xml.Element) -> list[str]:
    return [o.get("value", "") for o in root.iter("Option") if o.get("name") == "outline_color"]


def test_classes_have_their_names_and_colours():
    root = parsed(style_by_class(CLASSES))
    (renderer,) = root.findall("renderer-v2")
    assert (renderer.get("type"), renderer.get("attr")) == ("categorizedSymbol", "class_id")
    entries = [(c.get("value"), c.get("label")) for c in root.iter("category")]
    assert entries == [("3", "rock & <scree>"), ("40", '"blocks"')]
    assert colors(root) == ["215,48,31,255", "247,104,161,255"]


def test_every_category_has_a_symbol_whose_fill_follows_the_score():
    root = parsed(style_by_class(CLASSES))
    symbols = {symbol.get("name"): symbol for symbol in root.iter("symbol")}
    assert {c.get("symbol") for c in root.iter("category")} == set(symbols)
    for symbol in symbols.values():
        (expression,) = [o.get("value", "") for o in symbol.iter("Option") if o.get("name") == "expression"]
        assert "score" in expression


def test_states_are_those_of_the_view():
    root = parsed(style_by_state())
    assert [c.get("value") for c in root.iter("category")] == list(STATES)
    assert len(set(colors(root))) == len(STATES)
