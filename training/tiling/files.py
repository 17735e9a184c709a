"""The texts of a folder of tiles: lists of the splits, statistics, what the folder holds, and a configuration
that `train` takes as it is."""

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from ...core.base.files import write_whole
from ...core.model.classes import LandCoverClass
from ..config import check_config
from ..data.cut import CONFIG, LABELS, MANIFEST, PLACE, TileManifest
from ..splits import SPLITS

STATISTICS, REPORT = "statistics.csv", "report.html"
#: A training of a few tiles still takes some hundred steps, one of many at least this many epochs.
_STEPS, _EPOCHS, _MOST_EPOCHS = 2000, 30, 200
_BATCH = 8


@dataclass(frozen=True, eq=False)
class DealtTiles:
    """Tiles by name with their place `[N, 4]`, pixels per class `[N, C]` and split `[N]`."""

    names: Sequence[str]
    bounds: NDArray[np.float64]
    counts: NDArray[np.int64]
    folds: NDArray[np.intp]


def write_lists(folder: Path, manifest: TileManifest, tiles: DealtTiles) -> None:
    """Write a list per split; `mainclass` is for people."""
    roles = [*(source.role for source in manifest.sources), LABELS]
    names = [c.name for c in manifest.classes]
    for number, split in enumerate(SPLITS):
        rows = [
            [
                tiles.names[i],
                *(f"{role}/{tiles.names[i]}.tif" for role in roles),
                *(repr(float(v)) for v in tiles.bounds[i]),
                names[int(tiles.counts[i].argmax())],
            ]
            for i in np.flatnonzero(tiles.folds == number).tolist()
        ]
        if rows:
            _write_csv(folder / f"{split}.csv", ["name", *roles, *PLACE, "mainclass"], rows)


def write_statistics(folder: Path, classes: Sequence[LandCoverClass], tiles: DealtTiles) -> None:
    """Write the labelled pixels of each tile and class."""
    rows = [
        [name, SPLITS[fold], *counts]
        for name, fold, counts in zip(tiles.names, tiles.folds, tiles.counts.tolist(), strict=True)
    ]
    _write_csv(folder / STATISTICS, ["name", "split", *(c.name for c in classes)], rows)


def write_manifest(folder: Path, manifest: TileManifest) -> None:
    """Write what the folder holds."""
    write_whole(folder / MANIFEST, (manifest.model_dump_json(indent=1) + "\n").encode())


def write_config(folder: Path, name: str, classes: Sequence[LandCoverClass], n_training: int) -> None:
    """Write a configuration for as many experts as the groups allow and as many epochs as the tiles need."""
    batch = min(_BATCH, n_training)
    epochs = min(_MOST_EPOCHS, max(_EPOCHS, math.ceil(_STEPS / (n_training // batch))))
    text = _CONFIG.format(
        name=json.dumps(name),
        experts=1 + len({c.group for c in classes} - {"head"}),
        batch=batch,
        epochs=epochs,
    )
    check_config(yaml.safe_load(text), CONFIG)
    write_whole(folder / CONFIG, text.encode("utf-8"))


def _write_csv(path: Path, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode("utf-8"))


_CONFIG = """\
# A training on the tiles of this folder. It starts as it is, here or on another machine:
#   mce-landcover train --config THIS_FOLDER
# Any value can be changed here, or for one run with --set, such as --set trainer.epochs=5.
output: model.safetensors
beside: true  # relative paths start at this folder
model:
  name: {name}
  # For a GPU: encoder: resnet50, decoder_channels: 256, expert_channels: 256.
  architecture: {{decoder: deeplabv3plus, encoder: resnet18, decoder_channels: 96, expert_channels: 64}}
  # encoder_weights: imagenet  # downloads them: a better start than none
  experts: {experts}
data: {{kind: tiles, folder: .}}
load: {{batch_size: {batch}, jitter: 0.2}}
loss: {{name: mce}}
optimizer: {{lr: 1.0e-3, weight_decay: 1.0e-4, schedule: cosine, warmup: 50, adapted_lr: false}}
trainer: {{epochs: {epochs}}}
"""
