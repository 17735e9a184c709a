"""What all our Processing algorithms share: identity, help, icon, rows, and the way to the backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputDefinition,
)
from qgis.PyQt.QtGui import QIcon

from .backend import BackendMissing, find_backend
from .help import help_html
from .i18n import tr
from .layer_parameters import extent_area
from .parameters import Row, Values
from .paths import icon_file
from .rasters import Area
from .worker import run_job


class MceAlgorithm(QgsProcessingAlgorithm):
    """A Processing algorithm that runs a job of the same name in the backend.

    A subclass sets `ID`, lists its `rows` and `outputs`, and does its work in `process`; it needs the backend
    unless it says otherwise.
    """

    ID = ""
    NEEDS_BACKEND = True
    #: Seconds that the job may take to stop when it is cancelled, None for the usual few.
    GRACE_S: float | None = None

    def __init__(self) -> None:
        super().__init__()
        #: Parameter -> what its row has seen of layers.
        self.prepared: dict[str, Any] = {}

    def rows(self) -> Sequence[Row]:
        """Return the parameters, in the order of the dialog."""
        raise NotImplementedError

    def outputs(self) -> Sequence[QgsProcessingOutputDefinition]:
        """Return the outputs besides the destinations among the parameters."""
        return ()

    def fault(self, values: Values) -> str:
        """Return what is wrong with the parameters together, or nothing."""
        return ""

    def area(self, values: Values) -> Area:
        """Return the part of the layers that the job reads."""
        return extent_area(values)

    def prepare_run(self, values: Values) -> None:
        """Look at what only the thread that owns layers and project may look at, before `process`."""

    def process(self, values: Values) -> dict[str, Any]:
        """Do it and return the outputs."""
        raise NotImplementedError

    def request(self, values: Values) -> dict[str, Any]:
        """Return what the job gets; exports layers that are no files."""
        return {row.job_field: row.read(values) for row in self.rows() if row.job_field}

    def run_backend(self, request: dict[str, Any], feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Run the job of this algorithm's name; raise QgsProcessingException where that fails."""
        try:
            backend = find_backend()
        except BackendMissing as missing:
            raise QgsProcessingException(str(missing)) from missing
        feedback.pushDebugInfo(tr("Backend: {}").format(backend.python))
        return run_job(backend.python, self.ID, request, feedback, self.GRACE_S)

    def createInstance(self) -> MceAlgorithm:
        return type(self)()

    def name(self) -> str:
        return self.ID

    def icon(self) -> QIcon:
        return QIcon(icon_file(self.ID))

    def svgIconPath(self) -> str:
        return icon_file(self.ID)

    def shortHelpString(self) -> str:
        return help_html(self.ID)

    def canExecute(self) -> tuple[bool, str]:
        """Say whether a backend is there, and if not how to get one."""
        if self.NEEDS_BACKEND:
            try:
                find_backend()
            except BackendMissing as missing:
                return False, str(missing)
        return True, ""

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        for row in self.rows():
            row.add_to(self)
        for output in self.outputs():
            self.addOutput(output)

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        values = Values(self, parameters, context)
        faults = (row.fault(values) for row in self.rows())
        fault = next(filter(None, faults), "") or self.fault(values)
        return (False, fault) if fault else super().checkParameterValues(parameters, context)

    def prepareAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        values = Values(self, parameters, context, feedback)
        self.prepared = {row.name: row.prepare(values) for row in self.rows()}
        self.prepare_run(values)
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        return self.process(Values(self, parameters, context, feedback))
