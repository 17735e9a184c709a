"""The GeoPackage of screened tiles: a square per tile with a probability per class and a rank, written whole
or not at all, its style inside. Which tiles come first is decided in `screen.py`."""

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
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

from ..base.errors import InputError
from ..base.files import GEOPACKAGE, claim
from ..model.classes import LandCoverClass
from .geopackage import whole_geopackage, write_layer, write_values
from .grid import Bounds
from .styles import add_options, add_styles, as_qml, new_style, rgb_text

LAYER = "tiles"
#: Version of the table; readers refuse others.
SCHEMA_VERSION = 1
#: Upper ends of the classes of the style, their colours from faint to strong; the first one stays clear.
_STEPS = ((0.05, None), (0.2, "#fdd49e"), (0.5, "#fc8d59"), (0.8, "#d7301f"), (1.0, "#7f0000"))


@dataclass(frozen=True, eq=False)
class TileLayer:
    """Screened tiles in the order of their rank.

    Attributes:
        bounds: left, bottom, right, top of each tile, `[N]`.
        names: of the tiles, `[N]`: left and bottom in tile sides, as swisstopo names hectares.
        probability: that the tile holds one of the classes that it is ranked by, `[N]`.
        classes: all classes of the model, `[C]`.
        probabilities: of each class, `[N, C]`.
        predicted: is the class above its threshold? `[N, C]`.
        covered: share of the tile that has data, `[N]`.
    """

    bounds: Sequence[Bounds]
    names: Sequence[str]
    probability: NDArray[np.float64]
    classes: Sequence[LandCoverClass]
    probabilities: NDArray[np.float64]
    predicted: NDArray[np.bool_]
    covered: NDArray[np.float64]
    crs: CRS
    run: Mapping[str, Any]


def column_of(c: LandCoverClass) -> str:
    """Return the name of the column with the probability of a class."""
    plain = re.sub(r"[^a-z0-9]+", "_", c.name.casefold()).strip("_")
    return f"p_{c.id}_{plain}"[:60]


def write_tiles(path: Path, layer: TileLayer, *, overwrite: bool = False) -> None:
    """Write the GeoPackage under a temporary name, and rename it when it is whole.

    Raises:
        InputError: if there is a file that is not to be replaced.
        OutputError: if the folder or the disk does not take it.
    """
    claim(path, GEOPACKAGE, overwrite=overwrite, check_old=check_replaceable)
    with whole_geopackage(path, "tiles") as part:
        _write_layer(part, layer)
        with closing(sqlite3.connect(part)) as database, database:
            said = {"schema_version": SCHEMA_VERSION, **layer.run}
            write_values(database, "screening", said, "What the tiles were screened with, as JSON")
            add_styles(database, [(LAYER, "probability", tile_style())])
            found = database.execute(f"SELECT count(*) FROM {LAYER}").fetchone()[0]
            if found != len(layer.names):
                raise sqlite3.DatabaseError("it was not written whole")


def check_replaceable(path: Path) -> None:
    """Raise InputError unless a file may be replaced by screened tiles."""
    if not is_tile_layer(path):
        raise InputError(f"{path} is no GeoPackage of screened tiles, so it is not replaced; name another.")


def is_tile_layer(path: Path) -> bool:
    """Tell whether a file is a GeoPackage that `write_tiles` wrote."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
    except sqlite3.DatabaseError:
        return False
    return tables >= {LAYER, "screening"}


def read_chosen(path: Path, first_share: float) -> tuple[list[Bounds], CRS]:
    """Return the bounds of the tiles that come first, a share of all tiles, and their CRS.

    Raises:
        InputError: if the file is no layer of screened tiles, or of another version.
    """
    strange = InputError(f"{path} is no GeoPackage of screened tiles; give one that screen_tiles has made.")
    if not path.is_file() or not is_tile_layer(path):
        raise strange
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
        said = database.execute("SELECT value FROM screening WHERE key = 'schema_version'").fetchone()
    if said is None or json.loads(said[0]) != SCHEMA_VERSION:
        raise InputError(f"{path} was made by another version; screen the tiles anew with this one.")
    try:
        meta, _, geometry, (ranks,) = pyogrio.raw.read(path, layer=LAYER, columns=["rank"])
    except (DataSourceError, DataLayerError, ValueError) as error:
        raise strange from error
    kept = np.flatnonzero(ranks <= np.ceil(first_share * len(ranks)))
    bounds = shapely.bounds(shapely.from_wkb(geometry[kept]))
    return [(b[0], b[1], b[2], b[3]) for b in bounds.tolist()], CRS.from_user_input(meta["crs"])


def _write_layer(part: Path, layer: TileLayer) -> None:
    """Write the layer with GDAL, so that every reader finds a GeoPackage by the book."""
    code = layer.crs.to_epsg()
    names = [c.name for c in layer.classes]
    said = [", ".join(n for n, own in zip(names, row, strict=True) if own) for row in layer.predicted]
    crs_name = f" [EPSG:{code}]" if code else ""
    extents = [f"{b[0]:.10g},{b[2]:.10g},{b[1]:.10g},{b[3]:.10g}{crs_name}" for b in layer.bounds]
    columns: dict[str, NDArray[Any]] = {
        "tile": np.array(layer.names, object),
        "rank": np.arange(1, len(layer.names) + 1, dtype=np.int32),
        "probability": layer.probability.astype(np.float64),
        "classes": np.array(said, object),
        "covered": layer.covered.astype(np.float64),
        "extent": np.array(extents, object),  # what EXTENT of predict takes
        **{column_of(c): layer.probabilities[:, i] for i, c in enumerate(layer.classes)},
    }
    write_layer(
        part,
        LAYER,
        shapely.box(*np.array(layer.bounds, np.float64).reshape(-1, 4).T),
        columns,
        layer.crs,
        geometry_type="Polygon",
        description="Tiles by the probability that they hold a rare class",
    )


def tile_style() -> str:
    """Return the QML of the layer: five steps of `probability`, half transparent, the lowest an outline."""
    root = new_style("Symbology", "MapTips")
    renderer = Xml.SubElement(
        root,
        "renderer-v2",
        type="graduatedSymbol",
        attr="probability",
        graduatedMethod="GraduatedColor",
        symbollevels="0",
    )
    ranges, symbols = Xml.SubElement(renderer, "ranges"), Xml.SubElement(renderer, "symbols")
    lower = 0.0
    for index, (upper, color) in enumerate(_STEPS):
        label = f"{100 * lower:g} – {100 * upper:g} %"
        Xml.SubElement(
            ranges,
            "range",
            symbol=str(index),
            lower=f"{lower:g}",
            upper=f"{upper:g}",
            label=label,
            render="true",
        )
        symbols.append(_symbol(str(index), color))
        lower = upper
    Xml.SubElement(root, "mapTip", enabled="1").text = (
        '<b>[% "tile" %]</b>, rank [% "rank" %]<br>probability [% round(100 * "probability") %] %'
        '<br>[% "classes" %]'
    )
    return as_qml(root)


def _symbol(name: str, color: str | None) -> Xml.Element:
    """Return a half-transparent fill, or none, with a thin outline."""
    rgb = rgb_text(color) if color else "255,255,255"
    symbol = Xml.Element("symbol", type="fill", name=name, alpha="0.55")
    fill = Xml.SubElement(symbol, "layer", {"class": "SimpleFill", "enabled": "1", "pass": "0"})
    values = {
        "color": f"{rgb},255",
        "style": "solid" if color else "no",
        "outline_color": "60,60,60,160",
        "outline_style": "solid",
        "outline_width": "0.15",
        "outline_width_unit": "MM",
    }
    add_options(fill, values)
    return symbol
