"""Synthetic alpine scenes, mapped by the engine once with all logits kept, and decided anew at any alpha.
What is learnt from their candidates lives in `alpine.py`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cc3d
import numpy as np
import rasterio
from numpy.typing import NDArray

from ....core.base.progress import Reporter
from ....core.base.requests import Device
from ....core.flagging.boosting import MetaSettings
from ....core.flagging.candidates import Candidates, find_candidates
from ....core.flagging.features import FeatureTable
from ....core.flagging.pixels import RunPixels
from ....core.flagging.scorer import filled, medians
from ....core.geodata.grid import Region
from ....core.geodata.labels import open_run_labels
from ....core.mapping.predict import predict
from ....core.mapping.record import read_record
from ....core.mapping.requests import PredictRequest
from ....core.model.bundle import load_bundle
from ....core.model.classes import BACKGROUND, NODATA_CLASS
from ....scene.write import SceneFiles, make_scene
from .study import ClassMap, Decided, Floats, Maps, cross_validations

PAPER, ALL = "metrics of the paper", "metrics of the paper and ours"


@dataclass(frozen=True)
class MappedScene:
    """A scene, the folder of its run, and the file of its labels."""

    run: Path
    labels: Path


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
        scenes.append(MappedScene(run, files.labels))
        reporter.progress(done, len(seeds), "scenes")
    return scenes


def read_maps(scenes: Sequence[MappedScene]) -> Maps:
    """Return the maps by Bayes and the labels of all scenes."""
    records = [read_record(scene.run) for scene in scenes]
    bayes = [_read(record.products["land_cover"]) for record in records]
    labels = [_read(scene.labels) for scene in scenes]
    truth = [np.where(ids == BACKGROUND, NODATA_CLASS, ids) for ids in labels]
    return Maps(bayes, truth, [c.id for c in records[0].classes])


def plain_maps(scenes: Sequence[MappedScene], alpha: float) -> Iterator[ClassMap]:
    """Yield the maps of all scenes by the interpolated rule."""
    for scene in scenes:
        with RunPixels(scene.run, alpha) as pixels:
            yield _plain_map(pixels)


def _plain_map(pixels: RunPixels) -> ClassMap:
    """Return the class ids uint8 `[H, W]` of the interpolated rule of an opened run."""
    channels = pixels.classes(Region(0, pixels.shape[0], 0, pixels.shape[1]))
    ids = np.full(256, 255, np.uint8)
    ids[: len(pixels.class_ids)] = pixels.class_ids
    return ids[channels]


def decide_scenes(
    scenes: Sequence[MappedScene],
    maps: Maps,
    alpha: float,
    sets: Sequence[Sequence[int]],
    *,
    meta: MetaSettings,
    tile_m: float,
) -> Iterator[Decided]:
    """Decide all scenes by the interpolated rule; yield for each set of class ids its candidates, scored by
    classifiers that have not seen their tile."""
    plain, found = list[ClassMap](), []
    for scene in scenes:
        with RunPixels(scene.run, alpha) as pixels:
            classes = pixels.record.classes
            plain.append(_plain_map(pixels))
            with open_run_labels(scene.labels, pixels.grid, pixels.extent, classes) as labels:
                found.append(find_candidates(pixels, sorted(set().union(*sets)), labels=labels))
    for class_ids in sets:
        own = [c.take(np.isin(c.class_ids, class_ids)) for c in found]
        features = FeatureTable.join([c.features for c in own])
        targets = np.concatenate([c.target for c in own if c.target is not None])
        scores = cross_validations(feature_sets(features), targets, tile_groups(own, tile_m), meta)
        numbers = partial(_numbers, plain, own)
        yield Decided(maps, class_ids, plain, features, targets, numbers, scores)


def _numbers(plain: Sequence[ClassMap], candidates: Sequence[Candidates], index: int) -> NDArray[np.int64]:
    """Return which candidate of all scenes together each pixel of one belongs to, 0 for none."""
    own, before = candidates[index], sum(map(len, candidates[:index]))
    numbers = candidate_numbers(plain[index], own.class_ids, own.table.first)
    return np.where(numbers > 0, numbers + before, 0)


def feature_sets(features: FeatureTable) -> dict[str, Floats]:
    """Return the values of the paper's features, and of all, missing ones replaced by the median."""
    values = {PAPER: features.paper.values, ALL: features.values}
    return {name: filled(v, medians(v)) for name, v in values.items()}


def tile_groups(candidates: Sequence[Candidates], tile_m: float) -> NDArray[np.int64]:
    """Return a group for each candidate of all scenes: its scene, and the tile that its centre is in."""
    places = [
        np.stack([np.full(len(c), scene), c.x // tile_m, c.y // tile_m], axis=1)
        for scene, c in enumerate(candidates)
    ]
    return np.unique(np.concatenate(places), axis=0, return_inverse=True)[1].reshape(-1)


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
    if all(file.exists() for file in (files.image, files.dem, files.labels)):
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
