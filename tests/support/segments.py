"""The segment metrics restated pixel by pixel, straight from docs/science/methods.md section 2, and scenes to
try them on.

Nothing here is shared with the code under test.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from mce_landcover.core.geodata.grid import Region
from mce_landcover.core.segments.stream import IGNORED, PixelBlock, SegmentTable, stream_segments

STEPS = 50_000


@dataclass
class Scene:
    classes: np.ndarray  # [H, W] uint8
    heat: np.ndarray  # [3, H, W]
    layers: np.ndarray  # [F, H, W]
    n_classes: int

    def read(self, region: Region) -> PixelBlock:
        part = (slice(region.row0, region.row1), slice(region.col0, region.col1))
        return PixelBlock(self.classes[part], self.heat[:, *part], self.layers[:, *part])

    def stream(self, block: int, heat_scale: float = STEPS) -> SegmentTable:
        """All segments in raster order."""
        shape = self.classes.shape
        tables = stream_segments(shape, self.n_classes, self.read, heat_scale=heat_scale, block=block)
        empty = SegmentTable.empty(self.n_classes, len(self.layers))
        return SegmentTable.join([empty, *tables]).in_raster_order()


def make_classes(
    shape: tuple[int, int], n_classes: int, *, patch: int = 1, ignored: float = 0.0, seed: int = 0
) -> np.ndarray:
    """Random classes in squares of `patch` pixels, a share of the pixels ignored."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, n_classes, tuple(-(-side // patch) for side in shape))
    classes = coarse.repeat(patch, 0).repeat(patch, 1)[: shape[0], : shape[1]].astype(np.uint8)
    classes[random.random(shape) < ignored] = IGNORED
    return classes


def make_scene(classes: np.ndarray, n_classes: int, *, n_layers: int = 2, seed: int = 0) -> Scene:
    """Whole-number heat and layers; those of ignored pixels are nonsense, as nodata is."""
    random = np.random.default_rng(seed)
    heat = random.integers(0, STEPS + 1, (3, *classes.shape)).astype(np.uint16)
    layers = random.integers(-1000, 1000, (n_layers, *classes.shape)).astype(np.float32)
    heat[:, classes == IGNORED] = 65535
    layers[:, classes == IGNORED] = np.nan
    return Scene(classes, heat, layers, n_classes)


def make_probabilities(classes: np.ndarray, n_classes: int, seed: int = 0) -> np.ndarray:
    """Probabilities float32 whose arg-max the classes are; NaN where ignored."""
    random = np.random.default_rng(seed)
    p = random.dirichlet(np.full(n_classes, 0.5), classes.shape).astype(np.float32)
    for place in np.ndindex(classes.shape):
        c = classes[place]
        if c == IGNORED:
            p[place] = np.nan
        else:
            best = p[place].argmax()
            p[(*place, best)], p[(*place, c)] = p[(*place, c)], p[(*place, best)]
    return np.ascontiguousarray(np.moveaxis(p, 2, 0))


def neighbours(row: int, col: int, shape: tuple[int, int]) -> Iterator[tuple[int, int]]:
    for r in (row - 1, row, row + 1):
        for c in (col - 1, col, col + 1):
            if (r, c) != (row, col) and 0 <= r < shape[0] and 0 <= c < shape[1]:
                yield r, c


def brute_heat(probabilities: np.ndarray) -> np.ndarray:
    """E, M, V `[3, H, W]` of probabilities `[C, H, W]`, one pixel at a time."""
    n_classes, h, w = probabilities.shape
    heat = np.full((3, h, w), np.nan)
    for row in range(h):
        for col in range(w):
            p = sorted((float(value) for value in probabilities[:, row, col]), reverse=True)
            if any(math.isnan(value) for value in p):
                continue
            entropy = -sum(value * math.log(value) for value in p if value > 0)
            heat[0, row, col] = entropy / math.log(n_classes) if n_classes > 1 else 0.0
            heat[1, row, col] = 1 - p[0] + (p[1] if n_classes > 1 else 0.0)
            heat[2, row, col] = 1 - p[0]
    return heat


def brute_labels(classes: np.ndarray) -> np.ndarray:
    """8-connected components of equal class by flood fill, numbered where a raster scan meets them."""
    labels = np.zeros(classes.shape, np.int64)
    n = 0
    for start in np.ndindex(classes.shape):
        if classes[start] == IGNORED or labels[start]:
            continue
        n += 1
        labels[start] = n
        waiting = [start]
        while waiting:
            for place in neighbours(*waiting.pop(), classes.shape):
                if classes[place] == classes[start] and not labels[place]:
                    labels[place] = n
                    waiting.append(place)
    return labels


def brute_rows(classes: np.ndarray, heat: np.ndarray, n_classes: int) -> list[dict[str, float]]:
    """One mapping of metrics per segment, in raster order; heat in 0..1."""
    labels = brute_labels(classes)
    return [
        brute_metrics(np.argwhere(labels == label).tolist(), classes, heat, n_classes)
        for label in range(1, labels.max() + 1)
    ]


def brute_metrics(
    pixels: list[list[int]], classes: np.ndarray, heat: np.ndarray, n_classes: int
) -> dict[str, float]:
    own = int(classes[tuple(pixels[0])])
    inner, boundary, met = [], [], []
    for row, col in pixels:
        others = [int(classes[p]) for p in neighbours(row, col, classes.shape) if classes[p] != own]
        (boundary if others else inner).append((row, col))
        met += others
    row: dict[str, float] = {"class": own, "S": len(pixels), "S_in": len(inner), "S_bd": len(boundary)}
    row["S_rel"] = len(pixels) / max(len(boundary), 1)
    row["S_rel_in"] = len(inner) / max(len(boundary), 1)
    for index, name in enumerate("EMV"):
        for part, places in (("", pixels), ("_in", inner), ("_bd", boundary)):
            values = [float(heat[index][tuple(place)]) for place in places]
            mean = math.fsum(values) / len(values) if values else 0.0
            square = math.fsum((value - mean) ** 2 for value in values)
            row[name + part] = mean
            row[f"{name}_var{part}"] = square / len(values) if values else 0.0
        for kind in ("", "_var"):
            row[f"{name}{kind}_rel"] = row[name + kind] * row["S_rel"]
            row[f"{name}{kind}_rel_in"] = row[f"{name}{kind}_in"] * row["S_rel_in"]
    row["row"] = sum(r for r, _ in pixels) / len(pixels)
    row["col"] = sum(c for _, c in pixels) / len(pixels)
    for c in range(n_classes):
        row[f"neighbour_{c}"] = met.count(c) / len(met) if met else 0.0
    return row


def assert_metrics(found: dict[str, np.ndarray], expected: list[dict[str, float]]) -> None:
    """Compare every column to 1e-6, absolutely."""
    for name, column in found.items():
        np.testing.assert_allclose(column, [row[name] for row in expected], rtol=0, atol=1e-6, err_msg=name)
    if expected:
        assert set(found) == set(expected[0])


def spiral(side: int) -> np.ndarray:
    """A path of class 1, one pixel wide, that winds from a corner to the middle of class 0."""
    classes = np.zeros((side, side), np.uint8)
    row, col, step = 0, 0, (0, 1)
    classes[0, 0] = 1

    def free(r: int, c: int) -> bool:
        return 0 <= r < side and 0 <= c < side and not classes[r, c]

    turns = 0
    while turns < 2:
        ahead = row + step[0], col + step[1]
        beyond = row + 2 * step[0], col + 2 * step[1]
        blocked = 0 <= beyond[0] < side and 0 <= beyond[1] < side and classes[beyond]
        if free(*ahead) and not blocked:
            row, col = ahead
            classes[row, col], turns = 1, 0
        else:
            step, turns = (step[1], -step[0]), turns + 1
    return classes
