"""What all our Processing algorithms share: identity, help, icon, and the way to the backend."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
)
from qgis.PyQt.QtGui import QIcon

from .environment import BackendMissing, find_backend
from .help import help_html
from .i18n import tr
from .paths import icon_file
from .worker import run_job


class MceAlgorithm(QgsProcessingAlgorithm):
    """A Processing algorithm that runs a job of the same name in the backend.

    A subclass sets `ID`; it needs the backend unless it says otherwise.
    """

    ID = ""
    NEEDS_BACKEND = True
    #: Seconds that the job may take to stop when it is cancelled, None for the usual few.
    GRACE_S: float | None = None

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

    def run_backend(self, parameters: dict[str, Any], feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Run the job of this algorithm's name; raise QgsProcessingException where that fails."""
        try:
            backend = find_backend()
        except BackendMissing as missing:
            raise QgsProcessingException(str(missing)) from missing
        feedback.pushDebugInfo(tr("Backend: {}").format(backend.python))
        return run_job(backend.python, self.ID, parameters, feedback, self.GRACE_S)

    def add_advanced(self, parameter: QgsProcessingParameterDefinition) -> None:
        """Add a parameter that the dialog keeps folded away."""
        parameter.setFlags(parameter.flags() | Qgis.ProcessingParameterFlag.Advanced)
        self.addParameter(parameter)
