"""QGIS styles (QML) that lie beside the rasters, because QGIS post-processors never run headless."""

from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from ..mosaic import Category


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
