"""Puts QGIS styles into a GeoPackage, where QGIS looks for them first. What the styles are is the business of
whoever writes the layers."""

import sqlite3
from collections.abc import Sequence
from xml.etree import ElementTree as Xml

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


def paletted_style(categories: Sequence[Category]) -> bytes:
    """Return the QML of a class raster: one colour and label per class."""
    root = Xml.Element("qgis", version="3.40.0", styleCategories="Symbology")
    pipe = Xml.SubElement(root, "pipe")
    renderer = Xml.SubElement(
        pipe, "rasterrenderer", type="paletted", band="1", opacity="1", alphaBand="-1", nodataColor=""
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
    Xml.SubElement(pipe, "rasterresampler", maxOversampling="2")
    Xml.SubElement(root, "blendMode").text = "0"
    Xml.indent(root)
    return b"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + Xml.tostring(root) + b"\n"
