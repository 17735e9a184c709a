"""The job `flag_candidates`, read from top to bottom: a finished run in, a ranked GeoPackage of places that it
may have missed out. Each step lives in a module of its own beside this one.
"""

import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray

from ..catalogue import LandCoverClass
from ..engine.memory import GDAL_CACHE_MB
from ..errors import InputError
from ..grid import name_of
from ..progress import Reporter, SilentReporter
from ..version import package_version
from .candidates import Candidates, find_candidates
from .geopackage import CandidateFile, require_free, write_candidates
from .outlines import cut_outlines, simplified, to_world
from .pixels import RunPixels

#: Of the uuids of candidates.
_NAMESPACE = uuid.UUID("8d2c7d0e-6b8f-5f0a-9a55-5f2a1c3f7b61")
MARGIN, CLASSIFIER = "margin", "classifier"
