"""Small runs with labels and reviews from which a meta classifier can learn."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import numpy as np
import rasterio
from mce_landcover.core.flagging.flag import FlagRequest, flag_candidates
from mce_landcover.core.model.decision import decide
from scipy import ndimage
from torch import from_numpy

from support.engine import write
from support.flag import COL0, GSD, RARE, ROW0, make_run, rule, smooth_logits

ROWS, COLS = 150, 160


def labelled_run(folder: Path, seed: int, *, false_places: bool = False, **changes) -> tuple[Path, Path]:
    """Write a run and its labels, and return both.

    The labels are the map but for candidates: those of the surest half are mostly what the ML rule says, so
    that there is something to learn; with `false_places` the other half of the map's own is mostly false.
    """
    logits = smooth_logits(ROWS, COLS, seed)
    row0, col0 = ROW0 + seed * 1000, COL0
    run = make_run(folder / f"run_{seed}", logits, row0=row0, col0=col0, **changes)
    labels = truth(logits, changes.get("alpha", 0.99), seed, false_places=false_places)
    place = {"west": col0 * GSD, "north": -row0 * GSD}
    return run, write(folder / f"labels_{seed}.tif", labels[None], GSD, nodata=255, **place)


def truth(logits: np.ndarray, alpha: float, seed: int, *, false_places: bool = False) -> np.ndarray:
    """Return class ids `[H, W]` under which sure candidates are often true."""
    n_experts, n_classes, rows, cols = logits.shape
    found = decide(from_numpy(logits).reshape(n_experts, n_classes, -1), rule(alpha))
    bayes = found.classes[0].numpy().reshape(rows, cols)
    ml, _, margin = (layer.numpy().reshape(rows, cols) for layer in found.evidence[:3])
    labels, random = bayes.copy(), np.random.default_rng(seed)
    for id_ in RARE:
        parts, n = ndimage.label(ml == id_, np.ones((3, 3)))
        sure = -ndimage.mean(margin, parts, range(1, n + 1))
        middle = np.median(sure)
        for part in range(1, n + 1):
            if random.random() < (0.85 if sure[part - 1] > middle else 0.1):
                labels[parts == part] = id_
        if not false_places:
            continue
        parts, n = ndimage.label(bayes == id_, np.ones((3, 3)))
        large = np.bincount(parts.ravel())[1:] >= 15
        sure = -ndimage.mean(margin, parts, range(1, n + 1))
        middle = np.median(sure[large])
        for part in range(1, n + 1):
            if random.random() < (0.1 if sure[part - 1] > middle else 0.8):
                labels[parts == part] = 3
    return labels


def review_some(file: Path, decisions: Mapping[str, tuple]) -> None:
    """Add decisions: uuid -> (decision, class id or None[, outline])."""
    with sqlite3.connect(file) as database:
        for candidate, (decision, class_id, *outline) in decisions.items():
            database.execute(
                "INSERT INTO decisions (uuid, candidate, decision, class_id, user, time, comment, outline) "
                "VALUES (?, ?, ?, ?, 'ann', '2026-05-31T14:03:59.123Z', '', ?)",
                (str(uuid4()), candidate, decision, class_id, outline[0] if outline else None),
            )
    database.close()


def flagged(run: Path, output: Path, **changes) -> Path:
    """Flag a run."""
    flag_candidates(FlagRequest(run=run, output=output, **{"kind": "missed", **changes}))
    return output


def candidates_of(file: Path) -> list[tuple[str, int, float, float]]:
    """Return uuid, class, x and y by rank."""
    with sqlite3.connect(file) as database:
        rows = database.execute("SELECT uuid, class_id, x, y FROM candidates ORDER BY rank").fetchall()
    database.close()
    return rows


def read(path: Path) -> np.ndarray:
    with rasterio.open(path) as dataset:
        return dataset.read(1)
