"""Small models, rasters and runs for the engine's tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from affine import Affine
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.mapping.plan import Settings
from mce_landcover.core.mapping.predict import PredictRequest, PredictResult, run
from mce_landcover.core.model.card import ModelCard
from mce_landcover.core.model.normalise import Normaliser
from mce_landcover.core.model.torch_setup import one_thread
from numpy.typing import NDArray
from torch import nn

from support.cards import tlm_card

#: Far from the origin, as real coordinates are, and off the lattice.
WEST, NORTH = 2_600_013.5, 1_200_041.0
CRS = "EPSG:2056"


class TinyNetwork(nn.Module):
    """Two convolutions with random weights; its windows differ at their zero-padded edges, as real ones
    do.
    """

    def __init__(self, card: ModelCard, seed: int = 0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.shape = (len(card.experts), len(card.classes))
        self.first = nn.Conv2d(card.n_bands, 8, 5, padding=2)
        self.second = nn.Conv2d(8, self.shape[0] * self.shape[1], 3, padding=1)
        for parameter in self.parameters():
            nn.init.normal_(parameter.data, 0, 0.3, generator=generator)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(torch.relu(self.first(x))).unflatten(1, self.shape)


@dataclass(frozen=True)
class FakeModel:
    card: ModelCard
    net: nn.Module
    sha256: str = "0" * 64
    path: Path = Path("tiny.safetensors")

    def network(self) -> nn.Module:
        return self.net


def tiny_model(seed: int = 0, **changes: Any) -> FakeModel:
    """Return a model with windows of 32 px at a stride of 16 px; `changes` replace fields of its card."""
    card = tlm_card(**({"window": 32, "stride": 16} | changes))
    return FakeModel(card, TinyNetwork(card, seed))


def write(
    path: Path,
    values: NDArray[Any],
    gsd: float,
    *,
    west: float = WEST,
    north: float = NORTH,
    crs: str | None = CRS,
    transform: Affine | None = None,
    **profile: Any,
) -> Path:
    """Write `[bands, rows, cols]` as a tiled GeoTIFF."""
    count, height, width = values.shape
    settings = {"driver": "GTiff", "tiled": True, "blockxsize": 64, "blockysize": 64} | profile
    transform = transform or Affine(gsd, 0, west, 0, -gsd, north)
    with rasterio.open(
        path,
        "w",
        width=width,
        height=height,
        count=count,
        dtype=values.dtype,
        crs=crs,
        transform=transform,
        **settings,
    ) as dataset:
        dataset.write(values)
    return path


def scene(
    folder: Path, rows: int = 100, cols: int = 130, seed: int = 1, gap: bool = False
) -> dict[str, list[Path]]:
    """Write an image (0.25 m) and a DEM (0.5 m) of `rows` x `cols` map pixels; `gap` makes DEM pixels
    missing.
    """
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (3, 2 * rows, 2 * cols), dtype=np.uint8)
    dem = (2500 + random.normal(0, 1, (1, rows, cols)).cumsum(1).cumsum(2)).astype(np.float32)
    if gap:
        dem[:, rows // 3 : rows // 3 + 9, cols // 4 : cols // 4 + 23] = -9999
        dem[:, -7:, :5] = -9999
    return {
        "image": [write(folder / "image.tif", image, 0.25)],
        "dem": [write(folder / "dem.tif", dem, 0.5, nodata=-9999)],
    }


def predict_with(
    model: FakeModel,
    sources: Mapping[str, Sequence[Path]],
    output: Path,
    settings: Settings | None = None,
    reporter: Any = None,
    **changes: Any,
) -> PredictResult:
    """Run a model on the CPU, with torch in fp32; `changes` replace fields of the request."""
    request = {"device": "cpu", "precision": "fp32", "engine": "torch"} | changes
    with one_thread():
        return run(
            model,
            PredictRequest(source=sources, output=output, **request),
            reporter or SilentReporter(),
            settings or Settings(),
        )


def read(path: Path) -> NDArray[Any]:
    with rasterio.open(path) as dataset:
        return dataset.read()


def read_all(result: PredictResult) -> dict[str, NDArray[Any]]:
    return {name: read(path) for name, path in result.products.items()}


@dataclass
class Recorder:
    """A reporter that remembers, and stops the run at a chosen call."""

    messages: list[str] = field(default_factory=list)
    calls: list[tuple[int, int, str]] = field(default_factory=list)
    stop_at: int | None = None
    error: BaseException | None = None

    def progress(self, done: int, total: int, unit: str) -> None:
        self.calls.append((done, total, unit))
        if self.stop_at is not None and len(self.calls) >= self.stop_at:
            assert self.error is not None
            raise self.error

    def log(self, message: str) -> None:
        self.messages.append(message)


def blended(
    model: FakeModel, raw: NDArray[np.float32], row0: int, col0: int, stride: int | None = None
) -> Any:
    """Blend windows over a whole raster the plain way, float64: an oracle for the engine.

    `raw` is `[bands, rows, cols]` with NaN where missing, its first pixel at the absolute (row0, col0).
    Returns logits `[K, C, rows, cols]`.
    """
    card, window = model.card, model.card.window
    stride = stride or card.stride
    _, rows, cols = raw.shape
    centred = (np.arange(window) - (window - 1) / 2) / (0.2 * window)
    gauss = np.outer(np.exp(-0.5 * centred**2), np.exp(-0.5 * centred**2))
    pad = window
    padded = np.pad(raw, ((0, 0), (pad, pad), (pad, pad)), constant_values=np.nan)
    sums = np.zeros((len(card.experts), len(card.classes), *padded.shape[1:]))
    weights = np.zeros(padded.shape[1:])
    normaliser = Normaliser(card.sources)
    with torch.inference_mode():
        for top in range(0, padded.shape[1] - window + 1):
            for left in range(0, padded.shape[2] - window + 1):
                if (row0 - pad + top) % stride or (col0 - pad + left) % stride:
                    continue
                part = np.s_[..., top : top + window, left : left + window]
                piece = padded[part]
                if not np.isfinite(piece).all(axis=0).any():
                    continue
                logits = model.net(normaliser(torch.from_numpy(piece[None].copy())))[0].numpy()
                sums[part] += gauss * logits
                weights[part] += gauss
    inner = np.s_[..., pad : pad + rows, pad : pad + cols]
    with np.errstate(invalid="ignore"):
        return sums[inner] / weights[inner]
