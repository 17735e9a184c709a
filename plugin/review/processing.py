"""Reviews in Processing algorithms: they run in QGIS's own Python, without the backend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from qgis.core import QgsProcessingException

from .records import ReviewError
from .store import ReviewStore


@contextmanager
def processing_errors() -> Iterator[None]:
    """Turn a ReviewError into what makes an algorithm fail."""
    try:
        yield
    except ReviewError as error:
        raise QgsProcessingException(str(error)) from error


@contextmanager
def looked_at(path: Path) -> Iterator[ReviewStore]:
    """Open the review in a GeoPackage to look at it; raise QgsProcessingException for any ReviewError."""
    with processing_errors(), closing(ReviewStore.open(path, "", read_only=True)) as store:
        yield store
