"""The accepted candidates as a layer for a TLM import (code, proposed class, evidence and source), and
reviews in Processing algorithms, which run in QGIS's own Python, without the backend.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from qgis.core import QgsFeature, QgsField, QgsFields, QgsProcessingException
from qgis.PyQt.QtCore import QMetaType

from ..i18n import tr
from ..paths import RESOURCES
from .records import Candidate, ReviewError, State
from .store import ReviewStore

#: Where the OBJEKTART codes of classes are, by name.
CATALOGUE = RESOURCES / "catalogues" / "swisstlm3d.json"
_TEXT, _INT, _REAL = QMetaType.Type.QString, QMetaType.Type.Int, QMetaType.Type.Double
#: Names and types, in order. Names have ten letters at most, so that a Shapefile keeps them.
FIELDS: Mapping[str, Any] = {
    "OBJEKTART": _INT,  # null where the class has no code, or several
    "ART_CODES": _TEXT,  # all codes of the class
    "CLASS_ID": _INT,
    "CLASS": _TEXT,
    "MAP_CLASS": _TEXT,  # what the map says there
    "DECISION": _TEXT,  # accept or reclassify
    "AREA_M2": _REAL,
    "SCORE": _REAL,
    "ENTROPY": _REAL,
    "MARGIN": _REAL,
    "VARIATION": _REAL,
    "N_EXPERTS": _INT,
    "EXPERTS": _TEXT,
    "USER": _TEXT,
    "TIME": _TEXT,
    "COMMENT": _TEXT,
    "UUID": _TEXT,
    "RUN": _TEXT,
    "MODEL": _TEXT,
    "MODEL_SHA": _TEXT,
    "KIND": _TEXT,  # missed: it is new; doubtful: the map said so, or something else that was false
}


def export_fields() -> QgsFields:
    """Return the fields of the layer."""
    fields = QgsFields()
    for name, kind in FIELDS.items():
        fields.append(QgsField(name, kind))
    return fields


def read_codes(catalogue: Path = CATALOGUE) -> dict[str, tuple[int, ...]]:
    """Return the OBJEKTART codes by class name in lower case; raise ReviewError for another kind of file."""
    try:
        classes = json.loads(catalogue.read_text(encoding="utf-8"))["classes"]
        return {str(c["name"]).casefold(): tuple(int(code) for code in c["codes"]) for c in classes}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReviewError(
            tr("{} is no class catalogue: it needs a list `classes` with `name` and `codes`.").format(
                catalogue
            )
        ) from error


def accepted(store: ReviewStore) -> list[tuple[Candidate, State]]:
    """Return the candidates that a class was given to, accepted or reclassified, in order of rank."""
    states = ((c, store.state(c.uuid)) for c in store.candidates)
    return [(c, state) for c, state in states if state.final_class_id is not None]


def export_features(store: ReviewStore, codes: Mapping[str, tuple[int, ...]]) -> Iterator[QgsFeature]:
    """Yield a feature per accepted candidate, in its drawn outline where there is one; raise ReviewError."""
    fields = export_fields()
    names = {c.id: c.name for c in store.classes}
    for candidate, state in accepted(store):
        decision = state.decision
        assert decision is not None and state.final_class_id is not None
        name = names.get(state.final_class_id, "")
        known = codes.get(name.casefold(), ())
        outline = store.geometry(candidate.uuid)
        feature = QgsFeature(fields)
        feature.setGeometry(outline)
        feature.setAttributes(
            [
                known[0] if len(known) == 1 else None,
                ", ".join(map(str, known)) or None,
                state.final_class_id,
                name,
                candidate.bayes_class_name,
                decision.decision,
                candidate.area_m2 if decision.outline is None else outline.area(),
                *(candidate.score, candidate.entropy, candidate.margin, candidate.variation),
                *(candidate.n_experts, candidate.experts),
                *(decision.user, decision.time, decision.comment),
                *(candidate.uuid, candidate.run, store.run.get("model"), decision.model_sha256),
                candidate.kind,
            ]
        )
        yield feature


def classes_without_code(store: ReviewStore, codes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """Return the classes of accepted candidates that have no code, or several to choose from, and how many
    candidates they have.
    """
    names = {c.id: c.name for c in store.classes}
    found: dict[str, int] = {}
    for _, state in accepted(store):
        name = names.get(int(state.final_class_id or 0), "")
        if len(codes.get(name.casefold(), ())) != 1:
            found[name] = found.get(name, 0) + 1
    return found


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
