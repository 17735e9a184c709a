"""A small MCE for the shore of the lake of Zurich: `python -m mce_landcover.training.recipes.lake DATA OUT`.

DATA is the folder `swiss_lake_scene` of the shared data.
"""

from ..data.rasters import Bounds
from ..trainer import TrainSettings
from .rasters import SceneRecipe, Source, main

#: A cut of this scene with every class on both sides: classes 10 and 12 lie at opposite ends of its east-west
#: extent, so any cut by easting loses one of them. South of this northing are 65 rows of shore.
CUT_NORTHING = 1_234_032.5

LAKE = SceneRecipe(
    name="Lake shore, LiDAR classes",
    why=(
        "SWISSIMAGE and DTM of 0.2 x 0.4 km with rasterised LiDAR classes, not photo-interpreted: fit to "
        "test tools, not for accuracy claims. Trained north of N 1234032.5, tested south of it: no "
        "cut by easting has every class on both sides, this one has."
    ),
    sources=(
        Source("image", "rgb.tif", ("R", "G", "B"), scale=1 / 255),
        Source("dem", "dtm.tif", ("height",), relief=True, unit="m"),
    ),
    labels="lidarclass.tif",
    classes=(
        (2, "ground", "#b5a27f"),
        (3, "low vegetation", "#cfe39a"),
        (4, "medium vegetation", "#8cc063"),
        (5, "high vegetation", "#2d6a35"),
        (6, "building", "#c0392b"),
        (9, "water", "#3182bd"),
        (10, "LiDAR class 10", "#7f7f7f"),
        (12, "LiDAR class 12", "#f1c40f"),
        (17, "bridge", "#8e44ad"),
    ),
    training=Bounds(2_690_000, CUT_NORTHING, 2_690_437.5, 1_234_200),
    test=Bounds(2_690_000, 1_234_000, 2_690_437.5, CUT_NORTHING),
    gsd_m=0.5,
    window=128,
    stride=64,
    settings=TrainSettings(steps=250, batch_size=8, warmup=30, adapted_lr=False, seed=1),
)

if __name__ == "__main__":
    raise SystemExit(main(LAKE))
