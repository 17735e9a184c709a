"""Processing algorithm `export_review`: the accepted candidates as a layer for a TLM import."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsFeatureSink,
    QgsProcessingException,
    QgsProcessingOutputDefinition,
    QgsProcessingOutputNumber,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSink,
)

from ..algorithm import MceAlgorithm
from ..file_parameters import File
from ..i18n import tr
from ..layer_parameters import POLYGONS, Candidates
from ..parameters import Row, Values
from ..review.export import (
    CATALOGUE,
    classes_without_code,
    export_features,
    export_fields,
    looked_at,
    read_codes,
)
from ..review.records import Kind
from ..review.statistics import flags_of


class ExportReview(MceAlgorithm):
    """Needs no backend; the candidates are only read."""

    ID = "export_review"
    NEEDS_BACKEND = False

    def displayName(self) -> str:
        return tr("Export accepted candidates")

    def shortDescription(self) -> str:
        return tr("Writes the accepted candidates with their OBJEKTART code, evidence and source.")

    def tags(self) -> list[str]:
        return [*tr("review,candidates,accepted,export").split(","), "TLM", "swissTLM3D", "OBJEKTART", "mce"]

    def rows(self) -> list[Row]:
        return [
            Candidates("CANDIDATES", "", tr("Reviewed candidates")),
            File(
                "CATALOGUE",
                "",
                tr("Class catalogue with the codes (empty: swissTLM3D)"),
                advanced=True,
                filter=tr("Class catalogues (*.json);;All files (*)"),
            ),
            _Accepted("ACCEPTED", "", tr("Accepted candidates")),
        ]

    def outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputNumber("N_ACCEPTED", tr("Number of accepted candidates")),
            QgsProcessingOutputNumber("N_FOUND", tr("Number of missed places found")),
            QgsProcessingOutputNumber("N_THROWN_OUT", tr("Number of doubtful places thrown out")),
        ]

    def process(self, values: Values) -> dict[str, Any]:
        parameters, feedback = values.parameters, values.feedback
        catalogue = values.text("CATALOGUE").strip()
        with looked_at(self.prepared["CANDIDATES"]) as store:
            codes = read_codes(Path(catalogue) if catalogue else CATALOGUE)
            multi_polygon = Qgis.WkbType.MultiPolygon
            sink, target = self.parameterAsSink(
                parameters, "ACCEPTED", values.context, export_fields(), multi_polygon, store.crs
            )
            if sink is None:
                raise QgsProcessingException(self.invalidSinkError(parameters, "ACCEPTED"))
            n = 0
            for feature in export_features(store, codes):
                if not sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
                    raise QgsProcessingException(self.writeFeatureError(sink, parameters, "ACCEPTED"))
                n += 1
            for name, count in classes_without_code(store, codes).items():
                known = codes.get(name.casefold(), ())
                choice = ", ".join(map(str, known)) or tr("none is known")
                feedback.pushWarning(
                    tr('No single OBJEKTART for "{}" (candidates: {}): set it by hand ({}).').format(
                        name, count, choice
                    )
                )
            missed, doubtful = flags_of(store, Kind.MISSED), flags_of(store, Kind.DOUBTFUL)
        del sink  # which closes the file
        feedback.pushInfo(
            tr(
                "{} accepted candidates were written: missed places found {}, doubtful places kept {}, given "
                "another class {}. Doubtful places thrown out: {}."
            ).format(
                *(n, missed.n_accepted, doubtful.n_accepted),
                *(missed.n_reclassified + doubtful.n_reclassified, doubtful.n_thrown_out),
            )
        )
        return {
            "ACCEPTED": target,
            "N_ACCEPTED": n,
            "N_FOUND": missed.n_accepted,
            "N_THROWN_OUT": doubtful.n_thrown_out,
        }


class _Accepted(Row):
    """The layer of accepted candidates, wherever QGIS can write one."""

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        return QgsProcessingParameterFeatureSink(self.name, self.title, POLYGONS)
