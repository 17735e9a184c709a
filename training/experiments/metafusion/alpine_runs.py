"""Synthetic alpine scenes, mapped by the engine once with all logits kept, and decided anew at any alpha.
What is learnt from their candidates lives in `alpine.py`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cc3d
import numpy as np
import rasterio
from numpy.typing import NDArray

from ....core.base.progress import Reporter
from ....core.base.requests import Device
from ....core.flagging.candidates import Candidates, find_candidates
from ....core.flagging.fusion import fuse
from ....core.flagging.pixels import RunPixels
from ....core.geodata.grid import Region
from ....core.geodata.labels import open_run_labels
from ....core.mapping.predict import predict
from ....core.mapping.record import read_record
from ....core.mapping.requests import PredictRequest
from ....core.model.bundle import load_bundle
from ....scene.write import SceneFiles, make_scene

ClassMap = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class MappedScene:
    """A scene of a seed, the folder of its run, its map by Bayes and its labels, class ids `[H, W]`."""

    seed: int
    run: Path
    labels: Path
    bayes: ClassMap
    truth: ClassMap


def map_scenes(
    seeds: Sequence[int], size_m: float, output: Path, *, model: str, device: Device, reporter: Reporter
) -> list[MappedScene]:
    """Make and map the scenes that OUT does not hold yet.

    Raises:
        InputError, ModelError, DeviceError, OutputError, Cancelled.
    """
    sha256 = load_bundle(model).sha256
    scenes = []
    for done, seed in enumerate(seeds, start=1):
        folder = output / f"scene_{seed}_{size_m:g}m"
        files = _scene(folder, size_m, seed, reporter)
        run = folder / "run"
        if not _is_mapped(run, sha256):
            request = PredictRequest(
                image=(files.image,),
                dem=(files.dem,),
                output=run,
                model=model,
                device=device,
                logits=True,
                overwrite=True,
            )
            predict(request, reporter)
        maps = (_read(read_record(run).products["land_cover"]), _read(files.labels))
        scenes.append(MappedScene(seed, run, files.labels, *maps))
        reporter.progress(done, len(seeds), "scenes")
    return scenes


@contextmanager
def decided(scene: MappedScene, alpha: float) -> Iterator[RunPixels]:
    """Open the run of a scene, decided at that alpha."""
    with RunPixels(scene.run, alpha) as pixels:
        yield pixels


def ml_map(scene: MappedScene, alpha: float) -> ClassMap:
    """Return the class ids `[H, W]` of the interpolated rule."""
    with decided(scene, alpha) as pixels:
        channels = pixels.classes(Region(0, pixels.shape[0], 0, pixels.shape[1]))
        ids = np.full(256, 255, np.uint8)
        ids[: len(pixels.class_ids)] = pixels.class_ids
    return ids[channels]


def scene_candidates(scene: MappedScene, alpha: float, class_ids: Sequence[int]) -> Candidates:
    """Return the candidates of the classes with their truth."""
    with (
        decided(scene, alpha) as pixels,
        open_run_labels(scene.labels, pixels.grid, pixels.extent, pixels.record.classes) as labels,
    ):
        return find_candidates(pixels, class_ids, labels=labels)


def tile_groups(candidates: Sequence[Candidates], tile_m: float) -> NDArray[np.int64]:
    """Return a group for each candidate of all scenes: its scene, and the tile that its centre is in."""
    places = [
        np.stack([np.full(len(c), scene), c.x // tile_m, c.y // tile_m], axis=1)
        for scene, c in enumerate(candidates)
    ]
    return np.unique(np.concatenate(places), axis=0, return_inverse=True)[1].reshape(-1)


def fuse_scene(
    scene: MappedScene, ml: ClassMap, candidates: Candidates, accepted: NDArray[np.bool_]
) -> ClassMap:
    """Return the map with the flagged class where an accepted candidate lies (eq. 14)."""
    numbers = candidate_numbers(ml, candidates.class_ids, candidates.table.first)
    return fuse(scene.bayes, ml, numbers, np.flatnonzero(accepted) + 1)


def candidate_numbers(
    ml: ClassMap, class_ids: NDArray[np.int64], first: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return which candidate a pixel belongs to, 1..n, 0 for none, `[H, W]`.

    Args:
        ml: class ids `[H, W]`.
        class_ids: `[n]`, of each candidate.
        first: `[n]`, flat position of its first pixel.
    """
    numbers = np.zeros(ml.shape, np.int64)
    for class_id in np.unique(class_ids):
        parts = np.asarray(cc3d.connected_components(ml == class_id, connectivity=8))
        rows = np.flatnonzero(class_ids == class_id)
        table = np.zeros(int(parts.max()) + 1, np.int64)
        table[parts.reshape(-1)[first[rows]]] = rows + 1
        numbers += table[parts]
    return numbers


def _scene(folder: Path, size_m: float, seed: int, reporter: Reporter) -> SceneFiles:
    files = SceneFiles(*(folder / f"{name}.tif" for name in ("image", "dem", "labels")))
    if files.image.exists() and files.dem.exists() and files.labels.exists():
        return files
    return make_scene(folder, size_m=size_m, seed=seed, overwrite=True, reporter=reporter)


def _is_mapped(run: Path, sha256: str) -> bool:
    if not (run / "run.json").exists():
        return False
    record = read_record(run)
    return record.model.sha256 == sha256 and "logits" in record.products


def _read(path: Path) -> ClassMap:
    with rasterio.open(path) as dataset:
        values: ClassMap = dataset.read(1)
    return values
