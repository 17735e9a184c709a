"""A small MCE with one five-band source at 0.2 m: `python -m mce_landcover.training.recipes.ign DATA OUT`.

DATA is the folder `ign_scene` of the shared data.
"""

from ..data.rasters import Bounds
from ..trainer import TrainSettings
from .rasters import SceneRecipe, Source, main

IGN = SceneRecipe(
    name="IGN orthophoto with near infrared and height, LiDAR classes",
    why=(
        "BD ORTHO of 50 x 50 m with rasterised LiDAR classes, which are not photo-interpreted: fit to test "
        "tools, not for accuracy claims. Trained on the western half, tested on the eastern one; every "
        "class is in both. LiDAR class 1 (unclassified) counts as unlabelled."
    ),
    sources=(Source("image", "fr1_rgbnh.tif", ("R", "G", "B", "NIR", "height"), scale=1 / 255),),
    labels="fr1_lidarclass.tif",
    classes=(
        (2, "ground", "#b5a27f"),
        (3, "low vegetation", "#cfe39a"),
        (4, "medium vegetation", "#8cc063"),
        (5, "high vegetation", "#2d6a35"),
        (6, "building", "#c0392b"),
    ),
    training=Bounds(770_549.8, 6_277_549.8, 770_575.0, 6_277_600.2),
    test=Bounds(770_575.0, 6_277_549.8, 770_600.2, 6_277_600.2),
    gsd_m=0.2,
    window=96,
    stride=48,
    settings=TrainSettings(steps=150, batch_size=8, warmup=15, adapted_lr=False, seed=1),
)

if __name__ == "__main__":
    raise SystemExit(main(IGN))
