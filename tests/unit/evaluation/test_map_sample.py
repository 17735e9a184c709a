import json
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.base.errors import Cancelled, InputError, OutputError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.evaluation.draw_sample import SampleRequest, _draw, allocate, draw_sample
from mce_landcover.core.geodata import class_raster
from mce_landcover.core.geodata.class_raster import count_strips, open_class_raster
from support.run import ORIGIN, run_record, write_ids


def make_map(rows: int = 120, cols: int = 150, seed: int = 0) -> np.ndarray:
    """Classes 1, 5, 3 and 4 (40 pixels, 1 pixel), and a corner without any."""
    rng = np.random.default_rng(seed)
    ids = rng.choice([1, 5], (rows, cols), p=[0.7, 0.3]).astype(np.uint8)
    ids.ravel()[rng.choice(ids.size, 41, replace=False)] = [3] * 40 + [4]
    ids[:20, :30] = 255
    return ids


def points_of(path: Path) -> dict[str, np.ndarray]:
    meta, _, wkb, columns = pyogrio.raw.read(path, layer="sample")
    xy = shapely.get_coordinates(shapely.from_wkb(wkb))
    return dict(zip(meta["fields"].tolist(), columns, strict=True)) | {"x": xy[:, 0], "y": xy[:, 1]}


def test_points_lie_in_the_middle_of_different_pixels_of_their_class(tmp_path: Path) -> None:
    ids = make_map()
    raster = write_ids(tmp_path / "map.tif", ids)
    result = draw_sample(
        SampleRequest(raster=raster, output=tmp_path / "out" / "s.gpkg", size=300, minimum=30)
    )
    points = points_of(result.output)
    cols, rows = ~ORIGIN @ (points["x"], points["y"])
    np.testing.assert_allclose((cols % 1, rows % 1), 0.5)
    np.testing.assert_array_equal(ids[rows.astype(int), cols.astype(int)], points["map_class"])
    assert len(set(zip(rows.tolist(), cols.tolist(), strict=True))) == len(rows)
    drawn = {int(i): int(n) for i, n in zip(*np.unique(points["map_class"], return_counts=True), strict=True)}
    assert drawn[3] == 30 and drawn[4] == 1 and sum(drawn.values()) == 300
    assert result.points == {f"class {i}": n for i, n in drawn.items()}
    assert result.pixels == {f"class {i}": int((ids == i).sum()) for i in (1, 3, 4, 5)}
    assert (points["stratum_pixels"] == [(ids == i).sum() for i in points["map_class"]]).all()
    assert (points["pixel_m2"] == 0.25).all()
    assert pyogrio.read_info(result.output, layer="sample")["crs"] == "EPSG:2056"
    assert set(points["reference"].tolist()) == {None}
    assert not (np.diff(points["map_class"]) >= 0).all()  # in random order


def test_the_seed_decides_and_the_tiling_of_the_file_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = make_map()
    tiled = {"tiled": True, "blockxsize": 16, "blockysize": 16}
    files = write_ids(tmp_path / "a.tif", ids), write_ids(tmp_path / "b.tif", ids, **tiled)
    drawn = []
    for number, (file, seed, part) in enumerate(
        [(files[0], 1, 10**6), (files[1], 1, 2000), (files[0], 2, 1)]
    ):
        monkeypatch.setattr(class_raster, "_PART", part)
        found = draw_sample(
            SampleRequest(raster=file, output=tmp_path / f"{number}.gpkg", size=200, minimum=20, seed=seed)
        )
        drawn.append(points_of(found.output))
    for name in ("x", "y", "map_class"):
        np.testing.assert_array_equal(drawn[0][name], drawn[1][name])
    assert (drawn[0]["x"] != drawn[2]["x"]).any()


def test_every_pixel_of_a_class_is_drawn_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of nine pixels, 400 times: each about 89 times, whatever strip of three rows it lies in."""
    monkeypatch.setattr(class_raster, "_PART", 15)
    ids = np.full((12, 5), 1, np.uint8)
    where = [(0, 0), (0, 4), (2, 2), (5, 1), (5, 2), (7, 4), (9, 0), (11, 3), (11, 4)]
    for place in where:
        ids[place] = 2
    counts, found = np.zeros(ids.shape, int), np.array([1, 2])
    with open_class_raster(write_ids(tmp_path / "map.tif", ids, blockysize=3)) as raster:
        held = count_strips(raster, SilentReporter())
        for seed in range(400):
            rng = np.random.default_rng(seed)
            rows, cols, drawn = _draw(raster, held, found, np.array([1, 2]), rng)
            assert (drawn == 2).sum() == 2
            counts[rows[drawn == 2], cols[drawn == 2]] += 1
    expected = 800 / 9
    assert all(abs(counts[place] - expected) < 4.5 * np.sqrt(expected) for place in where)


@settings(deadline=None)
@given(
    pixels=st.lists(st.integers(1, 10**10), min_size=1, max_size=12),
    minimum=st.integers(2, 60),
    extra=st.integers(0, 500),
)
def test_points_are_dealt_by_area_above_the_minimum(pixels: list[int], minimum: int, extra: int) -> None:
    least = [min(n, minimum) for n in pixels]
    size = sum(least) + extra
    points = allocate(pixels, size, minimum).tolist()
    assert all(low <= n <= available for low, n, available in zip(least, points, pixels, strict=True))
    assert sum(points) == min(size, sum(points)) and (sum(points) == size or min(pixels) < size)
    above = [(n / p, n) for n, p, low in zip(points, pixels, least, strict=True) if n > low + 1]
    for density, n in above:  # equal densities, but for rounding
        assert all(abs(density - d) <= d / m + density / n for d, m in above)


def test_a_proportional_draw_is_exact() -> None:
    assert allocate([60_000, 30_000, 10_000], 100, 5).tolist() == [60, 30, 10]
    assert allocate([200_000, 150_000, 3_200_000, 6_450_000], 641, 75).tolist() == [75, 75, 163, 328]


def test_names_come_from_the_run_or_a_table(tmp_path: Path) -> None:
    write_ids(tmp_path / "land_cover.tif", make_map())
    (tmp_path / "run.json").write_text(json.dumps(run_record(tmp_path)))
    result = draw_sample(SampleRequest(raster=tmp_path, output=tmp_path / "s.gpkg"))
    assert set(result.points) == {"bedrock", "scree", "large blocks", "large blocks with grass"}
    (tmp_path / "t.csv").write_text("id,name\n1,rock\n3,block\n4,other\n5,scree")
    request = SampleRequest(
        raster=tmp_path / "land_cover.tif", output=tmp_path / "t.gpkg", classes=tmp_path / "t.csv"
    )
    assert set(draw_sample(request).points) == {"rock", "block", "other", "scree"}
    (tmp_path / "t.csv").write_text("id,name\n1,rock\n5,scree")
    with pytest.raises(InputError, match="holds the class 3, which is none of 1, 5"):
        draw_sample(SampleRequest(raster=tmp_path, output=tmp_path / "u.gpkg", classes=tmp_path / "t.csv"))


def test_an_existing_layer_stays_unless_said_otherwise(tmp_path: Path) -> None:
    raster, output = write_ids(tmp_path / "map.tif", make_map()), tmp_path / "s.gpkg"
    draw_sample(SampleRequest(raster=raster, output=output, size=200))
    before = output.read_bytes()
    with pytest.raises(OutputError, match="exists"):
        draw_sample(SampleRequest(raster=raster, output=output))
    assert output.read_bytes() == before
    assert draw_sample(SampleRequest(raster=raster, output=output, overwrite=True)).output == output
    assert len(points_of(output)["x"]) == 500
    assert sorted(p.name for p in tmp_path.iterdir()) == ["map.tif", "s.gpkg"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"size": 100}, "100 points are too few for 4 classes of at least 50"),
        ({"minimum": 1}, "'minimum' .* greater than or equal to 2"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(tmp_path: Path, change: dict, says: str) -> None:
    raster = write_ids(tmp_path / "map.tif", make_map())
    with pytest.raises(InputError, match=says):
        draw_sample(SampleRequest(raster=raster, output=tmp_path / "s.gpkg", **change))
    assert not (tmp_path / "s.gpkg").exists()


def test_maps_that_cannot_be_sampled_are_refused(tmp_path: Path) -> None:
    empty = write_ids(tmp_path / "empty.tif", np.full((5, 5), 255, np.uint8))
    with pytest.raises(InputError, match="no mapped pixel"):
        draw_sample(SampleRequest(raster=empty, output=tmp_path / "s.gpkg"))
    degrees = write_ids(tmp_path / "degrees.tif", make_map(), crs="EPSG:4326")
    with pytest.raises(InputError, match="not projected"):
        draw_sample(SampleRequest(raster=degrees, output=tmp_path / "s.gpkg"))


def test_a_cancelled_draw_leaves_nothing(tmp_path: Path) -> None:
    class Stop(SilentReporter):
        def progress(self, done: int, total: int, unit: str) -> None:
            raise Cancelled("stop")

    raster = write_ids(tmp_path / "map.tif", make_map())
    with pytest.raises(Cancelled):
        draw_sample(SampleRequest(raster=raster, output=tmp_path / "s.gpkg"), Stop())
    assert [p.name for p in tmp_path.iterdir()] == ["map.tif"]
