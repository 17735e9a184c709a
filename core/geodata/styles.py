"""QGIS styles (QML) of what is written: the parts they are made of, those of rasters and of candidates, and
how they get into a GeoPackage, where QGIS looks for them first.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as Xml

from ..model.classes import LandCoverClass
from .mosaic import Category

#: The table as QGIS makes it.
_LAYER_STYLES = """
CREATE TABLE layer_styles (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256),
  f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT,
  useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30),
  update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
"""


def add_styles(
    database: sqlite3.Connection, styles: Sequence[tuple[str, str, str]], geometry: str = "geometry"
) -> None:
    """Write default styles into an open GeoPackage that has none yet.

    Args:
        styles: layer, name of its style, and the style as QML.
        geometry: name of the layers' geometry column.
    """
    database.execute(_LAYER_STYLES)
    database.executemany(
        "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, "
        "styleName, styleQML, styleSLD, useAsDefault, description, owner) "
        "VALUES ('', '', ?, ?, ?, ?, '', 1, ?, '')",
        [(layer, geometry, name, style, name) for layer, name, style in styles],
    )
    database.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description) "
        "VALUES ('layer_styles', 'attributes', 'layer_styles', 'QGIS styles')"
    )


def new_style(*categories: str) -> Xml.Element:
    """Return the root of a style that says something of these categories, such as "Symbology"."""
    return Xml.Element("qgis", version="3.40.0", styleCategories="|".join(categories))


def as_qml(root: Xml.Element) -> str:
    """Return a style as the text of a QML file."""
    Xml.indent(root)
    return f"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n{Xml.tostring(root, 'unicode')}\n"


def add_options(layer: Xml.Element, values: Mapping[str, str]) -> None:
    """Give a symbol layer its properties."""
    options = Xml.SubElement(layer, "Option", type="Map")
    for key, value in values.items():
        Xml.SubElement(options, "Option", name=key, type="QString", value=value)


def rgb_text(color: str) -> str:
    """Return a colour `#rrggbb` as QGIS writes it: `r,g,b`."""
    return ",".join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5))


def _raster_style(renderer: Xml.Element) -> bytes:
    """Return the QML of a raster that is drawn by a renderer."""
    root = new_style("Symbology")
    pipe = Xml.SubElement(root, "pipe")
    pipe.append(renderer)
    Xml.SubElement(pipe, "rasterresampler", maxOversampling="2")
    Xml.SubElement(root, "blendMode").text = "0"
    return as_qml(root).encode("ascii", "xmlcharrefreplace")


#: Colour at a share of the scale, and how opaque of 255: nothing is seen where nothing speaks.
_COLOURS = (
    (-1.0, "#2166ac", 200),
    (-0.35, "#67a9cf", 120),
    (0.0, "#f7f7f7", 0),
    (0.35, "#ef8a62", 120),
    (1.0, "#b2182b", 200),
)


def diverging_style(limit: float) -> bytes:
    """Return the QML that shows band 1 from -limit (blue) over 0 (clear) to limit (red)."""
    ends = {"classificationMin": repr(-limit), "classificationMax": repr(limit)}
    renderer = Xml.Element(
        "rasterrenderer",
        {"type": "singlebandpseudocolor", "band": "1", "opacity": "1", "alphaBand": "-1", "nodataColor": ""},
        **ends,
    )
    Xml.SubElement(renderer, "rasterTransparency")
    shader = Xml.SubElement(
        Xml.SubElement(renderer, "rastershader"),
        "colorrampshader",
        {"colorRampType": "INTERPOLATED", "classificationMode": "1", "clip": "0", "labelPrecision": "6"},
        minimumValue=repr(-limit),
        maximumValue=repr(limit),
    )
    for share, colour, alpha in _COLOURS:
        label = {-1.0: "against", 0.0: "0", 1.0: "for"}.get(share, f"{share * limit:.2g}")
        Xml.SubElement(shader, "item", value=repr(share * limit), color=colour, alpha=str(alpha), label=label)
    return _raster_style(renderer)


def paletted_style(categories: Sequence[Category]) -> bytes:
    """Return the QML of a class raster: one colour and label per class."""
    renderer = Xml.Element(
        "rasterrenderer", type="paletted", band="1", opacity="1", alphaBand="-1", nodataColor=""
    )
    Xml.SubElement(renderer, "rasterTransparency")
    palette = Xml.SubElement(renderer, "colorPalette")
    for category in categories:
        red, green, blue = category.rgb
        Xml.SubElement(
            palette,
            "paletteEntry",
            value=str(category.value),
            color=f"#{red:02x}{green:02x}{blue:02x}",
            label=category.name,
            alpha="255",
        )
    return _raster_style(renderer)


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
