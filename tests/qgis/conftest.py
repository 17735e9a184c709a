"""Fixtures of the plugin's tests: a clean way to the backend, a fake backend, small rasters."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from mce_landcover.plugin import backend, worker
from mce_landcover.plugin.provider import MceProvider, add_provider
from osgeo import gdal, osr
from qgis.core import (
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProject,
    QgsSettings,
)
from review_window import Window

gdal.UseExceptions()
FAKE_BACKEND = Path(__file__).parent / "fake_backend.py"


class Feedback(QgsProcessingFeedback):
    """Keeps what it is told, and can cancel itself after `cancel_after` polls."""

    def __init__(self, cancel_after: int | None = None) -> None:
        super().__init__(False)
        self.said: list[str] = []
        self.debug: list[str] = []
        self.texts: list[str] = []
        self.percents: list[float] = []
        self.warnings: list[str] = []
        self.errors: list[str] = []
        self.polls = 0
        self.cancel_after = cancel_after
        self.progressChanged.connect(self.percents.append)

    def pushInfo(self, info):
        self.said.append(info)

    def pushDebugInfo(self, info):
        self.debug.append(info)

    def pushWarning(self, warning):
        self.warnings.append(warning)

    def reportError(self, error, fatalError=False):
        self.errors.append(error)

    def setProgressText(self, text):
        self.texts.append(text)

    def isCanceled(self):
        self.polls += 1
        if self.cancel_after is not None and self.polls > self.cancel_after:
            self.cancel()
        return super().isCanceled()


@pytest.fixture(scope="session", autouse=True)
def nothing_outlives_qgis(qgis_app: QgsApplication, request: pytest.FixtureRequest) -> Iterator[None]:
    """Let go of what the last test holds before QGIS ends: a layer that is freed after GDAL crashes.

    pytest keeps that test's fixtures until later, and a caught exception keeps the frames it came through.
    """
    yield
    for item in request.session.items:
        (getattr(item, "funcargs", None) or {}).clear()
    gc.collect()


@pytest.fixture(autouse=True)
def clean_way_to_backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start without setting, variable, built environment or clone; leave the settings as they were."""
    monkeypatch.delenv(backend.VARIABLE, raising=False)
    monkeypatch.setattr(backend, "ROOT", tmp_path / "clone")
    monkeypatch.setattr(backend, "environments_folder", lambda: tmp_path / "profile" / "mce_landcover")
    QgsSettings().remove(backend.SETTING)
    yield
    QgsSettings().remove(backend.SETTING)


@pytest.fixture
def fake_backend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Let a script that speaks the protocol stand in for the backend; returns a reader of its requests."""
    requests = tmp_path / "requests.jsonl"
    monkeypatch.setenv("FAKE_BACKEND_REQUESTS", str(requests))
    monkeypatch.setenv(backend.VARIABLE, "/usr/bin/python3")
    monkeypatch.setattr(worker, "BOOTSTRAP", FAKE_BACKEND)

    def read() -> list[dict]:
        return [json.loads(line) for line in requests.read_text(encoding="utf-8").splitlines()]

    return read


@pytest.fixture
def provider(qgis_app: QgsApplication, qgis_processing: None) -> Iterator[MceProvider]:
    provider = add_provider()
    assert provider is not None
    yield provider
    QgsApplication.processingRegistry().removeProvider(provider)


@pytest.fixture
def context(qgis_new_project: None) -> QgsProcessingContext:
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    return context


@pytest.fixture
def feedback() -> Feedback:
    return Feedback()


@pytest.fixture
def run(provider, fake_backend, context):
    """Runs an algorithm, loads what it wants loaded, and returns its outputs and the request's parameters.

    What it warned of is `run.warnings`, unless the test brought a feedback of its own.
    """
    # Importable once QGIS has started, which it has not where pytest-xdist only hands out tests.
    import processing
    from processing.gui.Postprocessing import handleAlgorithmResults

    def run(name, feedback=None, **parameters):
        feedback = feedback or Feedback()
        result = processing.run(f"mce:{name}", parameters, context=context, feedback=feedback)
        algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"mce:{name}")
        assert handleAlgorithmResults(algorithm, context, feedback, parameters), feedback.errors
        context.setLayersToLoadOnCompletion({})
        run.warnings = feedback.warnings
        return result, fake_backend()[-1]["parameters"]

    return run


@pytest.fixture
def refusal(provider, fake_backend, context, tmp_path):
    """Runs an algorithm that must refuse, and returns what the user reads; nothing reaches the backend."""
    import processing

    def refusal(name, **parameters):
        feedback = Feedback()
        with pytest.raises(QgsProcessingException) as caught:
            processing.run(f"mce:{name}", parameters, context=context, feedback=feedback)
        sentence = "\n".join([*feedback.errors, str(caught.value)])
        assert "Traceback" not in sentence
        assert not (tmp_path / "requests.jsonl").exists()
        return sentence

    return refusal


@pytest.fixture
def window(qgis_new_project: None, qtbot) -> Window:
    """Stands for QGIS's own window in the tests of the review."""
    window = Window()
    qtbot.addWidget(window.window)
    return window


def write_raster(
    path: Path,
    *,
    bands: int = 1,
    size: int = 20,
    pixel: float = 0.5,
    epsg: int | None = 2056,
    kind=gdal.GDT_Byte,
) -> Path:
    """Write a small GeoTIFF whose pixel values grow along the rows; its corner is 2600000, 1200000."""
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), size, size, bands, kind)
    dataset.SetGeoTransform((2600000.0, pixel, 0.0, 1200000.0, 0.0, -pixel))
    if epsg is not None:
        crs = osr.SpatialReference()
        crs.ImportFromEPSG(epsg)
        dataset.SetProjection(crs.ExportToWkt())
    row = bytes(range(size)) if kind == gdal.GDT_Byte else None
    for band in range(1, bands + 1):
        target = dataset.GetRasterBand(band)
        if row is None:
            target.Fill(float(band))
        else:
            target.WriteRaster(0, 0, size, size, row * size, buf_type=gdal.GDT_Byte)
    dataset.FlushCache()
    return path


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return write_raster(tmp_path / "ortho.tif", bands=3)


@pytest.fixture
def dem(tmp_path: Path) -> Path:
    return write_raster(tmp_path / "dem.tif", kind=gdal.GDT_Float32)
