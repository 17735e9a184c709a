"""The files of a folder of tiles (lists, manifest, statistics, configuration), and the folder taking its
place whole or not at all.
"""

import csv
import io
import json
import math
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from ...core.base.errors import InputError, OutputError
from ...core.base.files import disk_errors, write_whole
from ...core.model.classes import LandCoverClass
from ..config import check_config
from ..data.cut import CONFIG, LABELS, MANIFEST, PLACE, TileManifest, read_manifest
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


def check_free(folder: Path, *, overwrite: bool) -> None:
    """Raise InputError unless the folder is free, or holds tiles and nothing else, and they may go.

    A model that was trained in the folder is never removed with its tiles.
    """
    if folder.is_file():
        raise InputError(f"{folder} is a file; choose a folder for the tiles.")
    inside = sorted(p.name for p in folder.iterdir() if p.name[0] != ".") if folder.is_dir() else []
    if not inside:
        return
    if MANIFEST not in inside:
        raise InputError(f"The folder {folder} holds {inside[0]}, which is no tile; choose an empty folder.")
    if not overwrite:
        raise InputError(f"The folder {folder} holds tiles already; choose another or allow overwriting.")
    roles = {source.role for source in read_manifest(folder).sources}
    ours = {MANIFEST, CONFIG, STATISTICS, REPORT, LABELS, *roles, *(f"{split}.csv" for split in SPLITS)}
    others = [name for name in inside if name not in ours]
    if others:
        raise InputError(
            f"The folder {folder} holds {others[0]} besides its tiles; move it away or choose another folder."
        )


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Yield a folder to write to, which takes the place of `target` when nothing went wrong."""
    part, old = (target.with_name(f".{target.name}.{word}") for word in ("part", "old"))
    with disk_errors(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
    try:
        yield part
        _swap(part, target, old)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _swap(part: Path, target: Path, old: Path) -> None:
    try:
        shutil.rmtree(old, ignore_errors=True)
        if target.exists():
            target.replace(old)
        part.replace(target)
    except OSError as error:
        if old.exists() and not target.exists():
            old.replace(target)
        raise OutputError(
            f"The folder {target} cannot be put in its place ({error.strerror or error}); close what uses it."
        ) from error
    shutil.rmtree(old, ignore_errors=True)
