"""Which classes labels have, wherever their names, colours and groups come from."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given
from hypothesis import strategies as st
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.geodata.grid import Region, WorldGrid, parse_crs
from mce_landcover.core.model.classes import load_catalogue
from mce_landcover.core.model.file import EMBEDDED
from mce_landcover.training.data.tiles import frequency_groups
from mce_landcover.training.tiling.classes import (
    ClassEntry,
    classes_of_raster,
    classes_of_values,
    finished,
    named_classes,
)
from mce_landcover.training.tiling.cutting import describe_source
from mce_landcover.training.tiling.labels import ClippedCells, LabelChoice, OpenLabels, open_labels
from support.cards import tlm_card
from support.tile_files import write_tif
from support.tiling import GSD, LEFT, PLACE, SIDE, TOP, stripes, write_polygons

GRID = WorldGrid(parse_crs("EPSG:2056"), GSD)
CELL = (round(-TOP / GSD) // SIDE, round(LEFT / GSD) // SIDE)
LEFT_HALF, RIGHT_HALF = (
    shapely.box(LEFT, TOP - 8, LEFT + 4, TOP),
    shapely.box(LEFT + 4, TOP - 8, LEFT + 8, TOP),
)


def opened(files: list[Path], **options: object) -> OpenLabels:
    return open_labels(LabelChoice(files, **options), GRID, SIDE)  # type: ignore[arg-type]


def test_a_shipped_catalogue_and_the_classes_of_a_model() -> None:
    shipped = load_catalogue("flair")
    assert [(d.id, d.name, d.color, d.group) for d in named_classes("flair") or ()] == [
        (c.id, c.name, c.color, c.group) for c in shipped
    ]
    assert [d.name for d in named_classes(str(EMBEDDED["demo"])) or ()] == [
        c.name for c in tlm_card().classes
    ]
    assert named_classes("") is None and named_classes(None) is None


def test_a_table_and_a_catalogue_of_the_users(tmp_path: Path) -> None:
    table = tmp_path / "classes.csv"
    table.write_text("id;name;group\n4;bog;Tail\n9;heath;head\n")
    assert named_classes(str(table)) == (
        ClassEntry(4, "bog", None, "tail"),
        ClassEntry(9, "heath", None, "head"),
    )
    table.write_text("id,name,group\n4,bog,wet\n9,heath,dry\n")
    assert [d.group for d in named_classes(str(table)) or ()] == [None, None]
    entry = {"id": 3, "name": "ice", "color": "#0000ff", "group": "tail", "codes": [26]}
    catalogue = tmp_path / "mine.json"
    catalogue.write_text(json.dumps({"classes": [entry]}))
    assert named_classes(str(catalogue)) == (ClassEntry(3, "ice", "#0000ff", "tail", (26,)),)
    catalogue.write_text('{"classes": [{"id": 3}]}')
    with pytest.raises(InputError, match="cannot be read"):
        named_classes(str(catalogue))


@given(st.lists(st.integers(0, 10**6), min_size=3, max_size=9))
def test_groups_are_by_frequency_where_one_is_missing(pixels: list[int]) -> None:
    entries = [ClassEntry(i, f"c{i}", group="head" if i == 1 else None) for i in range(1, len(pixels) + 1)]
    classes = finished(entries, np.array(pixels))
    assert [c.group for c in classes] == list(frequency_groups(pixels))
    assert len({c.color for c in classes}) == len(classes)


def test_two_classes_are_a_frequent_and_a_rare_one() -> None:
    classes = finished([ClassEntry(1, "a"), ClassEntry(2, "b")], np.array([3, 90]))
    assert [c.group for c in classes] == ["tail", "head"]


@pytest.mark.parametrize(
    ("values", "entries"),
    [
        (["Ice", "bog ", None, "ice", "", "0"], [(1, "bog"), (2, "ice")]),
        ([26.0, 3, "3", None], [(3, "class 3"), (26, "class 26")]),
        ([12, "rock"], [(1, "12"), (2, "rock")]),
    ],
)
def test_classes_of_a_field(values: list[object], entries: list[tuple[int, str]]) -> None:
    assert [(d.id, d.name.casefold()) for d in classes_of_values(values)] == entries


def test_a_field_of_no_classes_is_refused() -> None:
    with pytest.raises(InputError, match="choose another field"):
        classes_of_values([f"parcel {i}" for i in range(300)])
    with pytest.raises(InputError, match="above 254"):
        classes_of_values([3, 1000])


def test_names_and_colours_of_a_raster(tmp_path: Path) -> None:
    file = write_tif(tmp_path / "labels.tif", stripes()[None], PLACE)
    with rasterio.open(file, "r+") as raster:
        raster.update_tags(1, CLASS_3="scree")
        raster.write_colormap(1, {3: (255, 0, 16, 255)})
    entries = {d.id: d for d in classes_of_raster(file)}
    assert entries[3] == ClassEntry(3, "scree", "#ff0010")
    assert entries[5].name == "class 5"


def test_polygons_by_name_id_source_code_and_ignored_value(tmp_path: Path) -> None:
    def ids(value: object, **options: object) -> set[int]:
        file = write_polygons(tmp_path / "p.gpkg", [LEFT_HALF, RIGHT_HALF], ["bedrock", value])
        options.setdefault("classes", "swisstlm3d")
        return set(np.unique(opened([file], **options).cells.read_cell(*CELL)).tolist())

    bedrock = 1
    assert ids("Glacier") == {bedrock, 9} and ids("9") == {bedrock, 9}
    assert ids("12", codes=True) == {bedrock, 8}, "OBJEKTART 12 is forest"
    assert ids("edge", ignored=["Edge"]) == {bedrock, 0}
    assert ids("", classes=None) == {bedrock, 0}
    assert ids("moss") == {bedrock, 0}


def test_codes_of_a_raster(tmp_path: Path) -> None:
    codes = np.full((1, SIDE, SIDE), 12, np.uint8)
    codes[0, 0, :3] = 1, 99, 255
    file = write_tif(tmp_path / "codes.tif", codes, PLACE)
    cells = opened([file], classes="swisstlm3d", codes=True, ignored=["99"]).cells
    assert cells.read_cell(*CELL)[0, :4].tolist() == [1, 0, 0, 8]
    labels = opened([file], classes="swisstlm3d", codes=True)
    assert labels.cells.read_cell(*CELL)[0, :4].tolist() == [1, 0, 0, 8]
    assert labels.left_out.counts == {"99": 1}, "left out, and counted"


def test_polygons_come_in_one_file(tmp_path: Path) -> None:
    files = [write_polygons(tmp_path / f"{i}.gpkg", [LEFT_HALF], ["a"]) for i in range(2)]
    with pytest.raises(InputError, match="one file"):
        opened(files)
    with pytest.raises(InputError, match="have no field 'kind'"):
        opened(files[:1], field="kind")


@given(*(st.integers(-2 * SIDE, 3 * SIDE) for _ in range(4)))
def test_clipped_labels_are_those_inside(row0: int, row1: int, col0: int, col1: int) -> None:
    """Against a mask of pixel addresses, for any rectangle around the cell."""

    class Full:
        extent = Region(-100, 100, -100, 100)
        files = ()

        def read_cell(self, row: int, col: int) -> np.ndarray:
            return np.full((SIDE, SIDE), 7, np.uint8)

        def digest(self) -> str:
            return "full"

    region = Region(row0, row1, col0, col1)
    rows, cols = np.mgrid[SIDE : 2 * SIDE, 0:SIDE]
    inside = (rows >= row0) & (rows < row1) & (cols >= col0) & (cols < col1)
    found = ClippedCells(Full(), region, SIDE).read_cell(1, 0)
    np.testing.assert_array_equal(found, np.where(inside, 7, 0))


@pytest.mark.parametrize(
    ("role", "count", "bands"),
    [
        ("image", 3, ("R", "G", "B")),
        ("image", 4, ("R", "G", "B", "NIR")),
        ("image", 1, ("grey",)),
        ("image", 5, ("image 1", "image 2", "image 3", "image 4", "image 5")),
        ("dem", 1, ("height",)),
        ("ndsm", 1, ("ndsm",)),
    ],
)
def test_bands_are_named(tmp_path: Path, role: str, count: int, bands: tuple[str, ...]) -> None:
    # Otherwise GDAL takes a fourth band for alpha.
    file = write_tif(tmp_path / "r.tif", np.zeros((count, 4, 4), np.uint8), PLACE, photometric="minisblack")
    assert describe_source(role, [file], 0.5).bands == bands


def test_alpha_is_no_band_and_names_of_the_file_are_kept(tmp_path: Path) -> None:
    file = write_tif(tmp_path / "r.tif", np.zeros((4, 4, 4), np.uint8), PLACE, photometric="rgb", alpha="yes")
    assert describe_source("image", [file], 0.5).bands == ("R", "G", "B")
    plain = write_tif(tmp_path / "p.tif", np.zeros((2, 4, 4), np.float32), PLACE)
    with rasterio.open(plain, "r+") as raster:
        raster.descriptions = ("VV", "VH")
    spec = describe_source("radar", [plain], 0.5)
    assert spec.bands == ("VV", "VH") and spec.normalisation.scale == 1.0
    with pytest.raises(InputError, match="cannot be called"):
        describe_source("My layer", [plain], 0.5)
