"""The QGIS styles inside a candidates GeoPackage: candidates by class and score, and by what was decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as Xml

from ..geodata.styles import add_options, as_qml, new_style, rgb_text
from ..model.classes import LandCoverClass

#: Colours of the states of the view `review`, and their names in a legend.
STATES = {
    "undecided": ("#ffd92f", "undecided"),
    "accept": ("#1a9850", "accepted"),
    "reject": ("#969696", "rejected"),
    "reclassify": ("#3182bd", "another class"),
    "unsure": ("#f46d43", "unsure"),
}
#: The surer the score, the more opaque: 30 of 255 at 0, 190 at 1; 80 where there is no score.
_OPACITY = 'if("score" is null, 80, 30 + 160 * "score")'


@dataclass(frozen=True)
class _Category:
    value: str
    label: str
    color: str


def style_by_class(classes: Sequence[LandCoverClass]) -> str:
    """Return the QML of the layer `candidates`: a colour per class, filled by score."""
    categories = [_Category(str(c.id), c.name, c.color) for c in classes]
    fill = f"set_color_part(@symbol_color, 'alpha', {_OPACITY})"
    return _style("class_id", categories, {"fillColor": fill})


def style_by_state() -> str:
    """Return the QML of the view `review`: a colour per state."""
    categories = [_Category(state, label, color) for state, (color, label) in STATES.items()]
    fill = "set_color_part(@symbol_color, 'alpha', 60)"
    return _style("state", categories, {"fillColor": fill})


def _style(attribute: str, categories: Sequence[_Category], expressions: Mapping[str, str]) -> str:
    root = new_style("Symbology", "Fields", "MapTips")
    renderer = Xml.SubElement(
        root, "renderer-v2", type="categorizedSymbol", attr=attribute, symbollevels="0", enableorderby="0"
    )
    entries = Xml.SubElement(renderer, "categories")
    symbols = Xml.SubElement(renderer, "symbols")
    for index, category in enumerate(categories):
        Xml.SubElement(
            entries,
            "category",
            symbol=str(index),
            value=category.value,
            label=category.label,
            render="true",
            type="long" if category.value.isdigit() else "string",
        )
        symbols.append(_symbol(str(index), category.color, expressions))
    Xml.SubElement(root, "previewExpression").text = 'concat("class_name", \' \', "rank")'
    Xml.SubElement(root, "mapTip", enabled="1").text = (
        '<b>[% "class_name" %]</b>, [% round("area_m2") %] m², rank [% "rank" %]<br>'
        'mapped as [% "bayes_class_name" %]'
    )
    return as_qml(root)


def _symbol(name: str, color: str, expressions: Mapping[str, str]) -> Xml.Element:
    """Return a polygon symbol: an outline in the colour, and a fill whose opacity follows an expression."""
    rgb = rgb_text(color)
    symbol = Xml.Element("symbol", type="fill", name=name, alpha="1", clip_to_extent="1", force_rhr="0")
    layer = Xml.SubElement(
        symbol, "layer", {"class": "SimpleFill", "enabled": "1", "locked": "0", "pass": "0"}
    )
    values = {
        "color": f"{rgb},255",
        "style": "solid",
        "outline_color": f"{rgb},255",
        "outline_style": "solid",
        "outline_width": "0.5",
        "outline_width_unit": "MM",
        "joinstyle": "miter",
    }
    add_options(layer, values)
    defined = Xml.SubElement(Xml.SubElement(layer, "data_defined_properties"), "Option", type="Map")
    Xml.SubElement(defined, "Option", name="name", type="QString", value="")
    properties = Xml.SubElement(defined, "Option", name="properties", type="Map")
    for key, expression in expressions.items():
        entry = Xml.SubElement(properties, "Option", name=key, type="Map")
        Xml.SubElement(entry, "Option", name="active", type="bool", value="true")
        Xml.SubElement(entry, "Option", name="expression", type="QString", value=expression)
        Xml.SubElement(entry, "Option", name="type", type="int", value="3")
    Xml.SubElement(defined, "Option", name="type", type="QString", value="collection")
    return symbol
