"""The engine on real rasters: adjacent tiles, and five bands in another CRS. Skipped where absent."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from mce_landcover.core.model.card import Normalisation, SourceSpec
from rasterio.transform import rowcol
from support.engine import predict_with, read, tiny_model
from support.places import SHARED

pytestmark = pytest.mark.shared_data


def folder(name: str) -> Path:
    path = SHARED / name
    if not path.is_dir():
        pytest.skip(f"the real data is not here: {name}")
    return path


def image_of(bands: str, gsd: float) -> SourceSpec:
    norm = Normalisation(scale=1 / 255, mean=(0.5,) * len(bands), std=(0.25,) * len(bands))
    return SourceSpec(role="image", bands=tuple(bands), gsd_m=gsd, normalisation=norm)


def test_zurich_tiles_one_by_one_with_neighbours_are_the_mosaic(tmp_path):
    """Every tile, mapped as an extent of its own, is its part of the map of all 25."""
    tiles = sorted(folder("zurich_tiles").glob("*.tif"))
    model = tiny_model(sources=(image_of("RGB", 0.5),))
    whole = predict_with(model, {"image": tiles}, tmp_path / "whole").products["land_cover"]
    with rasterio.open(whole) as dataset:
        mosaic, transform = dataset.read(1), dataset.transform
    assert (mosaic != 255).mean() > 0.9
    for tile in tiles:
        with rasterio.open(tile) as dataset:
            box = dataset.bounds
            shape = dataset.shape
        extent = f"{box.left},{box.right},{box.bottom},{box.top} [EPSG:2056]"
        part = predict_with(model, {"image": tiles}, tmp_path / tile.stem, extent=extent)
        row, col = rowcol(transform, box.left + 0.25, box.top - 0.25)
        np.testing.assert_array_equal(
            read(part.products["land_cover"])[0], mosaic[row : row + shape[0], col : col + shape[1]]
        )


def test_five_bands_of_the_ign_scene_on_their_own_grid(tmp_path):
    """One source of five bands, EPSG:2154, 0.2 m: the map has the image's CRS, pixels and extent."""
    image = folder("ign_scene") / "fr1_rgbnh.tif"
    model = tiny_model(sources=(image_of("RGBNH", 0.2),), gsd_m=0.2)
    result = predict_with(model, {"image": [image]}, tmp_path / "out")
    with rasterio.open(result.products["land_cover"]) as dataset, rasterio.open(image) as given:
        assert dataset.crs.to_epsg() == 2154
        assert dataset.shape == given.shape
        assert dataset.transform.almost_equals(given.transform, 1e-6)
        assert (dataset.read(1) != 255).all()
