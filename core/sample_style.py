"""The QGIS style of a sample: rings that leave the place itself in sight, a list of classes to choose the
true one from, and nothing that tells the interpreter what the map says."""

from collections.abc import Sequence
from xml.etree import ElementTree as Xml

#: Points to do and points done: label and colour of the ring.
_STATES = (("to do", "255,217,47,255"), ("done", "126,232,150,255"))
_HEADER = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"


def sample_style(
    field: str, classes: Sequence[str], *, hidden: Sequence[str], fixed: Sequence[str] = ()
) -> str:
    """Return the QML of a layer of points.

    Args:
        field: that the interpreter fills in.
        classes: names to choose from.
        hidden: fields that neither form nor table show.
        fixed: fields that the form shows and does not change.
    """
    root = Xml.Element(
        "qgis", version="3.40.0", styleCategories="Symbology|Fields|Forms|MapTips|AttributeTable"
    )
    _add_renderer(root, field)
    _add_widgets(root, field, classes, hidden)
    table = Xml.SubElement(root, "attributetableconfig", sortExpression='"point"', sortOrder="0")
    columns = Xml.SubElement(table, "columns")
    for name in hidden:
        Xml.SubElement(columns, "column", type="field", name=name, hidden="1", width="-1")
    editable = Xml.SubElement(root, "editable")
    for name in fixed:
        Xml.SubElement(editable, "field", name=name, editable="0")
    Xml.SubElement(root, "previewExpression").text = '"point"'
    Xml.SubElement(
        root, "mapTip", enabled="1"
    ).text = f'point [% "point" %]: [% coalesce("{field}", \'to do\') %]'
    Xml.indent(root)
    return _HEADER + Xml.tostring(root, "unicode") + "\n"


def _add_renderer(root: Xml.Element, field: str) -> None:
    attribute = f"if(trim(coalesce(\"{field}\", '')) = '', 0, 1)"
    renderer = Xml.SubElement(root, "renderer-v2", type="categorizedSymbol", attr=attribute)
    categories = Xml.SubElement(renderer, "categories")
    symbols = Xml.SubElement(renderer, "symbols")
    for value, (label, color) in enumerate(_STATES):
        state = str(value)
        Xml.SubElement(
            categories, "category", type="integer", value=state, label=label, symbol=state, render="true"
        )
        symbol = Xml.SubElement(symbols, "symbol", type="marker", name=state, alpha="1")
        # A dark ring below the bright one is seen on bright ground, too.
        for outline, width in (("20,24,28,255", "1.1"), (color, "0.6")):
            layer = Xml.SubElement(symbol, "layer", {"class": "SimpleMarker", "enabled": "1"})
            _add_options(layer, outline, width)


def _add_options(layer: Xml.Element, outline: str, width: str) -> None:
    options = Xml.SubElement(layer, "Option", type="Map")
    for key, value in {
        "name": "circle",
        "size": "5",
        "size_unit": "MM",
        "color": "0,0,0,0",
        "outline_color": outline,
        "outline_style": "solid",
        "outline_width": width,
        "outline_width_unit": "MM",
    }.items():
        Xml.SubElement(options, "Option", name=key, type="QString", value=value)


def _add_widgets(root: Xml.Element, field: str, classes: Sequence[str], hidden: Sequence[str]) -> None:
    fields = Xml.SubElement(root, "fieldConfiguration")
    for name in (field, *hidden):
        entry = Xml.SubElement(fields, "field", name=name)
        widget = Xml.SubElement(entry, "editWidget", type="ValueMap" if name == field else "Hidden")
        config = Xml.SubElement(Xml.SubElement(widget, "config"), "Option", type="Map")
        if name == field:
            values = Xml.SubElement(config, "Option", name="map", type="List")
            for choice in classes:
                entry = Xml.SubElement(values, "Option", type="Map")
                Xml.SubElement(entry, "Option", name=choice, type="QString", value=choice)
