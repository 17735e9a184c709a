"""Processing algorithm `flag_candidates`: rare-class places that a map has probably missed, and those that may
be false in it, best first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingOutputDefinition,
    QgsProcessingOutputFolder,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingOutputVectorLayer,
)

from ..algorithm import MceAlgorithm
from ..file_parameters import File, Folder, geopackage_output
from ..i18n import tr
from ..layer_parameters import POLYGONS, as_advanced, mapping_rows, setting_rows
from ..layers import group_of_run, load_on_completion, place_candidates, place_products
from ..parameters import Choice, Flag, Number, Row, Text, Values

#: Parameters that only mapping reads.
OF_MAPPING = ("DEM", "SOURCES", "EXTENT", "CRS")


class FlagCandidates(MceAlgorithm):
    """Flags a finished run; where there is an image it is mapped first."""

    ID = "flag_candidates"
    _group: str  # set by `prepare_run`

    def displayName(self) -> str:
        return tr("Flag missed and doubtful rare places")

    def shortDescription(self) -> str:
        return tr("Lists the places of rare classes that a map has probably missed or that may be false, best first.")

    def tags(self) -> list[str]:
        tags = tr("candidates,rare classes,missed,review,verify,uncertainty,maximum likelihood")
        return [*tags.split(","), "metafusion", "metaseg", "mce"]

    def rows(self) -> list[Row]:
        return [
            Folder("RUN", "run", tr("Folder of the run (with an orthophoto below: made there first)")),
            Text(
                "CLASSES",
                "classes",
                tr("Classes to look for, by name or id, with commas (empty: the rare ones)"),
            ),
            File(
                "META",
                "meta",
                tr("Meta classifier (empty: ranked by the margin)"),
                filter=tr("Meta classifiers (*.json *.skops);;All files (*)"),
            ),
            Choice("KIND", "kind", tr("Places to list: missed, doubtful or both")),
            Number(
                "ACCEPTED_PER_FIND",
                "accepted_per_find",
                tr("False alarms accepted for each missed place found (empty: any number)"),
            ),
            Number("MIN_AREA", "min_area_m2", tr("Smallest area in square metres")),
            Flag("OVERWRITE", "overwrite", tr("Replace earlier candidates")),
            *self._advanced_rows(),
            geopackage_output(
                "CANDIDATES_FILE",
                "output",
                tr("File for the candidates (empty: candidates.gpkg in the run's folder)"),
            ),
        ]

    def _advanced_rows(self) -> list[Row]:
        return [
            Number(
                "ALPHA",
                "alpha",
                tr("Prior correction of the rule that finds them, 0 to 1 (empty: the run's)"),
                advanced=True,
            ),
            File(
                "PRIORS",
                "priors",
                tr("Priors by altitude, or raster of priors (empty: those of the model)"),
                advanced=True,
                filter=tr("Tables and rasters (*.csv *.tif *.tiff *.vrt);;All files (*)"),
            ),
            Number(
                "SIMPLIFY",
                "simplify_m",
                tr("Simplify outlines by so many metres (0: the pixels' own)"),
                advanced=True,
            ),
            Flag("LOAD_LAYERS", "", tr("Add the candidates to the project"), advanced=True, default=True),
            *_mapping_rows(),
        ]

    def outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputVectorLayer("CANDIDATES", tr("Candidates"), POLYGONS),
            QgsProcessingOutputFolder("RUN_DIR", tr("Folder of the run")),
            QgsProcessingOutputNumber("N_CANDIDATES", tr("Number of candidates")),
            QgsProcessingOutputNumber("N_DOUBTFUL", tr("Number of doubtful places among them")),
            QgsProcessingOutputString("PER_CLASS", tr("Candidates of each class")),
            QgsProcessingOutputString("RANKED_BY", tr("What they are ranked by")),
            QgsProcessingOutputString("MESSAGE", tr("What was found, in words")),
        ]

    def fault(self, values: Values) -> str:
        """Return that there are rasters that nothing would read, or nothing."""
        idle = [name for name in OF_MAPPING if values.has(name)]
        if idle and not values.parameters.get("IMAGE"):
            return tr("{} is for mapping first: give IMAGE too, or leave {} empty.").format(idle[0], idle[0])
        return ""

    def prepare_run(self, values: Values) -> None:
        self._group = group_of_run(Path(values.text("RUN")), values.context)

    def request(self, values: Values) -> dict[str, Any]:
        found = super().request(values)
        if found["image"] is None:
            for row in _mapping_rows():
                del found[row.job_field]
        return found

    def process(self, values: Values) -> dict[str, Any]:
        result = self.run_backend(self.request(values), values.feedback)
        placed = place_candidates(Path(result["candidates"]))
        products = result["prediction"]["products"] if result["prediction"] else {}
        if values.flag("LOAD_LAYERS"):
            layers = [placed, *place_products(products)]
            load_on_completion(layers, self._group, values.context, [item.file for item in layers])
        return {
            "CANDIDATES_FILE": result["candidates"],
            "CANDIDATES": placed.source,
            "RUN_DIR": result["run"],
            "N_CANDIDATES": result["n"],
            "N_DOUBTFUL": result["n_doubtful"],
            "PER_CLASS": ", ".join(f"{name}: {n}" for name, n in result["per_class"].items()),
            "RANKED_BY": result["ranked_by"],
            "MESSAGE": result["message"],
        }


def _mapping_rows() -> list[Row]:
    """Return the rows that only mapping reads."""
    return [*as_advanced(mapping_rows(image_optional=True)), *setting_rows()]
