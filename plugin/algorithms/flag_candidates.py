"""Processing algorithm `flag_candidates`: rare-class places that a map has probably missed, best first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputFolder,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterString,
)

from ..algorithm import MceAlgorithm
from ..groups import group_of_run
from ..i18n import tr
from ..layers import load_on_completion, place_candidates, place_products
from ..mapping import MappingInputs, mapping_fault, raster_parameters, read_mapping, setting_parameters
from ..parameters import (
    accepted_parameter,
    amount_parameter,
    file_fault,
    gpkg_fault,
    number_or_none,
    optional_text,
    run_parameter,
    share_parameter,
)

#: Parameters that only mapping reads.
OF_MAPPING = ("DEM", "SOURCES", "EXTENT", "CRS")


class FlagCandidates(MceAlgorithm):
    """Flags a finished run; where there is an image it is mapped first."""

    ID = "flag_candidates"
    # Set by prepareAlgorithm.
    _inputs: MappingInputs | None
    _group: str

    def displayName(self) -> str:
        return tr("Flag missed rare places")

    def shortDescription(self) -> str:
        return tr("Lists the places of rare classes that a map has probably missed, best first.")

    def tags(self) -> list[str]:
        tags = tr("candidates,rare classes,missed,review,verify,uncertainty,maximum likelihood")
        return [*tags.split(","), "metafusion", "metaseg", "mce"]

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        self.addParameter(run_parameter(tr("Folder of the run (with an orthophoto below: made there first)")))
        self.addParameter(
            QgsProcessingParameterString(
                "CLASSES",
                tr("Classes to look for, by name or id, with commas (empty: the rare ones)"),
                optional=True,
            )
        )
        self.addParameter(
            QgsProcessingParameterFile(
                "META",
                tr("Meta classifier (empty: ranked by the margin)"),
                optional=True,
                fileFilter=tr("Meta classifiers (*.skops);;All files (*)"),
            )
        )
        self.addParameter(
            accepted_parameter(tr("False alarms accepted for each missed place found (empty: any number)"))
        )
        self.addParameter(amount_parameter("MIN_AREA", tr("Smallest area in square metres")))
        self.addParameter(
            QgsProcessingParameterBoolean("OVERWRITE", tr("Replace earlier candidates"), defaultValue=False)
        )
        self._add_advanced_settings()
        self.addParameter(
            QgsProcessingParameterFileDestination(
                "CANDIDATES_FILE",
                tr("File for the candidates (empty: candidates.gpkg in the run's folder)"),
                tr("GeoPackages (*.gpkg)"),
                optional=True,
                createByDefault=False,
            )
        )
        vectors = QgsProcessing.SourceType.TypeVectorPolygon
        self.addOutput(QgsProcessingOutputVectorLayer("CANDIDATES", tr("Candidates"), vectors))
        self.addOutput(QgsProcessingOutputFolder("RUN_DIR", tr("Folder of the run")))
        self.addOutput(QgsProcessingOutputNumber("N_CANDIDATES", tr("Number of candidates")))
        self.addOutput(QgsProcessingOutputString("PER_CLASS", tr("Candidates of each class")))
        self.addOutput(QgsProcessingOutputString("RANKED_BY", tr("What they are ranked by")))
        self.addOutput(QgsProcessingOutputString("MESSAGE", tr("What was found, in words")))

    def _add_advanced_settings(self) -> None:
        alpha = tr("Prior correction of the rule that finds them, 0 to 1 (empty: the run's)")
        self.add_advanced(share_parameter("ALPHA", alpha, None))
        self.add_advanced(
            QgsProcessingParameterFile(
                "PRIORS",
                tr("Priors by altitude, or raster of priors (empty: those of the model)"),
                optional=True,
                fileFilter=tr("Tables and rasters (*.csv *.tif *.tiff *.vrt);;All files (*)"),
            )
        )
        self.add_advanced(
            amount_parameter("SIMPLIFY", tr("Simplify outlines by so many metres (0: the pixels' own)"))
        )
        self.add_advanced(
            QgsProcessingParameterBoolean(
                "LOAD_LAYERS", tr("Add the candidates to the project"), defaultValue=True
            )
        )
        for parameter in (*raster_parameters(optional=True), *setting_parameters()):
            self.add_advanced(parameter)

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        fault = (
            mapping_fault(self, parameters, context)
            or file_fault(self, parameters, ("META", "PRIORS"), context)
            or self._fault(parameters, context)
        )
        return (False, fault) if fault else super().checkParameterValues(parameters, context)

    def _fault(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """Return what is wrong with the destination, or with rasters that nothing would read."""
        fault = gpkg_fault(self.parameterAsFileOutput(parameters, "CANDIDATES_FILE", context))
        if fault:
            return fault
        idle = [name for name in OF_MAPPING if parameters.get(name) not in (None, "")]
        if idle and not parameters.get("IMAGE"):
            return tr("{} is for mapping first: give IMAGE too, or leave {} empty.").format(idle[0], idle[0])
        return ""

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> bool:
        self._inputs = read_mapping(self, parameters, context) if parameters.get("IMAGE") else None
        self._group = group_of_run(Path(self.parameterAsString(parameters, "RUN", context)), context)
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        mapped = self._inputs.request(context, feedback) if self._inputs else {}
        result = self.run_backend({**mapped, **self._settings(parameters, context)}, feedback)
        placed = place_candidates(Path(result["candidates"]))
        products = result["prediction"]["products"] if result["prediction"] else {}
        if self.parameterAsBoolean(parameters, "LOAD_LAYERS", context):
            layers = [placed, *place_products(products)]
            load_on_completion(layers, self._group, context, [item.file for item in layers])
        return {
            "CANDIDATES_FILE": result["candidates"],
            "CANDIDATES": placed.source,
            "RUN_DIR": result["run"],
            "N_CANDIDATES": result["n"],
            "PER_CLASS": ", ".join(f"{name}: {n}" for name, n in result["per_class"].items()),
            "RANKED_BY": result["ranked_by"],
            "MESSAGE": result["message"],
        }

    def _settings(self, parameters: dict[str, Any], context: QgsProcessingContext) -> dict[str, Any]:
        """Return the parameters that the job takes as they are."""
        return {
            "run": self.parameterAsString(parameters, "RUN", context),
            "output": self.parameterAsFileOutput(parameters, "CANDIDATES_FILE", context) or None,
            "classes": self.parameterAsString(parameters, "CLASSES", context),
            "alpha": number_or_none(self, parameters, "ALPHA", context),
            "min_area_m2": self.parameterAsDouble(parameters, "MIN_AREA", context),
            "meta": optional_text(self, parameters, "META", context),
            "accepted_per_find": number_or_none(self, parameters, "ACCEPTED_PER_FIND", context),
            "simplify_m": self.parameterAsDouble(parameters, "SIMPLIFY", context),
            "priors": optional_text(self, parameters, "PRIORS", context),
            "overwrite": self.parameterAsBoolean(parameters, "OVERWRITE", context),
        }
