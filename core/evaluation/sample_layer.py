"""The layer of points that an interpreter fills in: written empty by the draw of a sample, read with its
reference classes for the estimates of `map_accuracy.py`.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from rasterio.crs import CRS

from ..base.errors import InputError, OutputError
from ..base.files import disk_errors, require_writable
from ..geodata.class_table import MapClass, class_key, ids_by_key
from ..geodata.geopackage import whole_geopackage, write_layer
from ..geodata.polygons import split_layer
from ..geodata.styles import add_options, add_styles, as_qml, new_style
from ..model.classes import BACKGROUND, NODATA_CLASS
from .map_accuracy import MapAccuracy, estimate_accuracy

#: Points to do and points done: label and colour of the ring.
_STATES = (("to do", "255,217,47,255"), ("done", "126,232,150,255"))


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
    root = new_style("Symbology", "Fields", "Forms", "MapTips", "AttributeTable")
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
    return as_qml(root)


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
            values = {
                "name": "circle",
                "size": "5",
                "size_unit": "MM",
                "color": "0,0,0,0",
                "outline_color": outline,
                "outline_style": "solid",
                "outline_width": width,
                "outline_width_unit": "MM",
            }
            add_options(layer, values)


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


LAYER = "sample"
REFERENCE = "reference"
_NEEDED = ("map_class", "map_name", "stratum_pixels", "pixel_m2")


@dataclass(frozen=True, eq=False)
class Points:
    """Coordinates and class id of each point `[n]`, and what is the same for a stratum."""

    x: NDArray[np.floating[Any]]
    y: NDArray[np.floating[Any]]
    ids: NDArray[np.int64]
    pixels: NDArray[np.int64]  # (255,)
    pixel_m2: float


def require_free(path: Path, *, overwrite: bool) -> None:
    """Raise OutputError unless a sample may be written there: never over another file, nor over one that
    people have begun to interpret.
    """
    if path.suffix.lower() != ".gpkg":
        raise OutputError(f"The output {path} must be a GeoPackage: let its name end in .gpkg.")
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists: choose another name, or overwrite it.")
    if path.exists():
        try:
            _, _, columns = _read_layer(path, REFERENCE)
        except InputError as error:
            raise OutputError(f"{path} is no sample, so it is not replaced; choose another name.") from error
        if any(class_key(value) for value in columns[REFERENCE].tolist()):
            raise OutputError(
                f"{path} is interpreted already, or in part, so it is not replaced; choose another name."
            )
    require_writable(path.parent)


def write_sample(
    points: Points, classes: Sequence[MapClass], crs: CRS, output: Path, known: Sequence[MapClass] = ()
) -> None:
    """Write the points as a layer whose field `reference` waits for the interpreter, with its style.

    Args:
        classes: of the points.
        known: classes that the interpreter chooses from; by default those of the points.

    Raises:
        OutputError: if it cannot be written; nothing half-written is left.
    """
    names = {c.id: c.name for c in classes}
    n = len(points.ids)
    columns: dict[str, NDArray[Any]] = {
        "point": np.arange(1, n + 1, dtype=np.int32),
        "map_class": points.ids.astype(np.int32),
        "map_name": np.array([names[i] for i in points.ids.tolist()], object),
        REFERENCE: np.full(n, None, object),
        "comment": np.full(n, None, object),
        "stratum_pixels": points.pixels[points.ids].astype(np.int64),
        "pixel_m2": np.full(n, points.pixel_m2),
    }
    with disk_errors(output.parent):
        output.parent.mkdir(parents=True, exist_ok=True)
    with whole_geopackage(output, "points") as part:
        write_layer(
            part,
            LAYER,
            shapely.points(points.x, points.y),
            columns,
            crs,
            geometry_type="Point",
            description="Random points of a map",
        )
        style = sample_style(
            REFERENCE, [c.name for c in known or classes], hidden=("fid", *_NEEDED), fixed=("point",)
        )
        with closing(sqlite3.connect(part)) as database, database:
            add_styles(database, [(LAYER, "interpretation", style)])


@dataclass(frozen=True, eq=False)
class Sample:
    """An interpreted sample of C classes.

    Attributes:
        counts: `[C, C]` points, mapped classes in rows, reference classes in columns.
        mapped_pixels: `[C]`.
        points, map_ids: coordinates `[n, 2]` in `crs` and mapped class id `[n]` of all points.
        references: `[n]` reference class ids, 255 for points that are not interpreted and count nowhere.
    """

    classes: tuple[MapClass, ...]
    counts: NDArray[np.int64]
    mapped_pixels: NDArray[np.int64]
    pixel_m2: float
    crs: CRS
    points: NDArray[np.float64]
    map_ids: NDArray[np.int64]
    references: NDArray[np.int64]

    @property
    def n_open(self) -> int:
        """Points that are not interpreted."""
        return int((self.references == NODATA_CLASS).sum())

    def accuracy(self) -> MapAccuracy:
        """Return the estimates; see `estimate_accuracy`."""
        return estimate_accuracy(self.counts, self.mapped_pixels, [c.name for c in self.classes])


def read_sample(path: Path, classes: Sequence[MapClass] = (), field: str = REFERENCE) -> Sample:
    """Read a layer that `draw_sample` wrote and people filled in.

    Args:
        path: GeoPackage, or another layer with the same fields; see `split_layer`.
        classes: that the field may name beside the mapped ones.
        field: of the true class.

    Raises:
        InputError: if it cannot be read, misses fields, has no reference at all, or names an unknown class.
    """
    info, wkb, columns = _read_layer(path, field)
    points = _coordinates(wkb, columns, path)
    map_ids = np.asarray(columns["map_class"]).astype(np.int64)
    mapped = {int(i): str(name) for i, name in zip(map_ids, columns["map_name"], strict=True)}
    strata = {int(i): int(n) for i, n in zip(map_ids, columns["stratum_pixels"], strict=True)}
    known = {c.id: c for c in (*(MapClass(i, name) for i, name in mapped.items()), *classes)}
    references = _references(columns[field].tolist(), tuple(known.values()), path, field)
    done = references != NODATA_CLASS
    used = sorted(set(mapped) | set(references[done].tolist()))
    counts = np.zeros((len(used), len(used)), np.int64)
    np.add.at(counts, (np.searchsorted(used, map_ids[done]), np.searchsorted(used, references[done])), 1)
    return Sample(
        tuple(known[i] for i in used),
        counts,
        np.array([strata.get(i, 0) for i in used], np.int64),
        float(columns["pixel_m2"][0]),
        CRS.from_user_input(info["crs"]),
        points,
        map_ids,
        references,
    )


def _read_layer(path: Path, field: str) -> tuple[dict[str, Any], NDArray[Any], dict[str, NDArray[Any]]]:
    file, layer = split_layer(path)
    if not file.exists():
        raise InputError(f"The sample {file} does not exist.")
    try:
        if layer is None and LAYER in pyogrio.list_layers(file)[:, 0]:
            layer = LAYER
        info = pyogrio.read_info(file, layer=layer)
        missing = [name for name in _NEEDED if name not in info["fields"]]
        if missing:
            raise InputError(f"{path} has no field {missing[0]!r}, so it is no sample drawn from a map.")
        if field not in info["fields"]:
            raise InputError(
                f"The sample {path} has no field {field!r} with the true class; it has "
                f"{', '.join(info['fields'])}."
            )
        wanted = list(dict.fromkeys((*_NEEDED, field)))
        meta, _, wkb, columns = pyogrio.raw.read(file, layer=layer, columns=wanted, force_2d=True)
    except (DataSourceError, DataLayerError) as error:
        raise InputError(f"{path} is no layer of points that can be read.") from error
    if not len(wkb) or info["crs"] is None:
        raise InputError(f"{path} has no points or no coordinate reference system, so it says nothing.")
    return info, wkb, dict(zip(meta["fields"].tolist(), columns, strict=True))


def _coordinates(wkb: NDArray[Any], columns: dict[str, NDArray[Any]], path: Path) -> NDArray[np.float64]:
    """Return the place of each point `[n, 2]`; raise InputError for rows that no draw has made."""
    geometries = shapely.from_wkb(wkb)
    strange = shapely.get_num_coordinates(geometries) != 1
    for name in _NEEDED:
        strange |= np.array([class_key(value) == "" for value in columns[name].tolist()])
    if strange.any():
        raise InputError(
            f"{int(strange.sum())} rows of {path} were not drawn: they have no place, or no {_NEEDED[0]!r}; "
            "take them out, for points that people choose say nothing of a map."
        )
    return shapely.get_coordinates(geometries)


def _references(
    values: Sequence[Any], classes: Sequence[MapClass], path: Path, field: str
) -> NDArray[np.int64]:
    """Return the reference class id of each row `[n]`, 255 where it is not interpreted: empty, or 0 or 255,
    which in rasters mean no class, where no class has this id.
    """
    ids = ids_by_key(classes)
    nothing = {"", str(BACKGROUND), str(NODATA_CLASS)} - ids.keys()
    found = np.full(len(values), NODATA_CLASS, np.int64)
    for row, value in enumerate(values):
        key = class_key(value)
        if key in nothing:
            continue
        if key not in ids:
            raise InputError(
                f"The sample {path} names the reference class {value!r}, which is not known; write an id "
                f"or a name of {', '.join(f'{c.id} ({c.name})' for c in classes)}, or give a class table."
            )
        found[row] = ids[key]
    if (found == NODATA_CLASS).all():
        raise InputError(
            f"No point of {path} is interpreted yet: write the true classes into its field {field!r}."
        )
    return found
