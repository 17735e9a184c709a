"""The parameters of our algorithms as rows: a row adds itself to an algorithm, reads itself into a field of
the job, and says what is wrong with what was given. Defaults, bounds and choices are those that the jobs
export to `resources/jobs.json`. Files stand in `file_parameters.py`, layers in `layer_parameters.py`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qgis.core import (
    Qgis,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterCrs,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterField,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from .paths import RESOURCES
from .rasters import crs_text

if TYPE_CHECKING:
    from .algorithm import MceAlgorithm


@functools.cache
def jobs() -> dict[str, dict[str, dict[str, Any]]]:
    """Return job -> field -> type, default, bounds and choices, as far as there are any."""
    found: dict[str, dict[str, dict[str, Any]]] = json.loads(
        (RESOURCES / "jobs.json").read_text(encoding="utf-8")
    )
    return found


def default_of(job: str, job_field: str) -> Any:
    """Return the default of a job's field."""
    return jobs()[job][job_field]["default"]


@dataclass(frozen=True)
class Values:
    """What an algorithm is run with; `feedback` is there once it runs."""

    algorithm: MceAlgorithm
    parameters: dict[str, Any]
    context: QgsProcessingContext
    feedback: QgsProcessingFeedback = None

    def has(self, name: str) -> bool:
        """Was the parameter given? 0 and False are values."""
        return self.parameters.get(name) not in (None, "")

    def text(self, name: str) -> str:
        """Return a text or path as it was given."""
        return str(self.algorithm.parameterAsString(self.parameters, name, self.context))

    def flag(self, name: str) -> bool:
        """Return whether a box is ticked."""
        return bool(self.algorithm.parameterAsBoolean(self.parameters, name, self.context))

    def file(self, name: str) -> str:
        """Return a file to be written, empty where none was chosen."""
        return str(self.algorithm.parameterAsFileOutput(self.parameters, name, self.context))


@dataclass(frozen=True)
class Row:
    """One parameter. `job_field` is its name in the job, empty where the job does not take it."""

    name: str
    job_field: str
    title: str
    advanced: bool = False

    def add_to(self, algorithm: MceAlgorithm) -> None:
        """Declare the parameter; the dialog keeps advanced ones folded away."""
        definition = self.definition(self.known(algorithm))
        if self.advanced:
            definition.setFlags(definition.flags() | Qgis.ProcessingParameterFlag.Advanced)
        algorithm.addParameter(definition)

    def known(self, algorithm: MceAlgorithm) -> Mapping[str, Any]:
        """Return what the jobs export of the field."""
        return jobs().get(algorithm.ID, {}).get(self.job_field, {})

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        """Return what QGIS is told."""
        raise NotImplementedError

    def prepare(self, values: Values) -> Any:
        """Return what `read` needs of layers, which only the thread that owns them may look at."""

    def read(self, values: Values) -> Any:
        """Return what the job gets. A text that the job has a value for is handed on as it is."""
        known, text = self.known(values.algorithm), values.text(self.name)
        return text if "required" in known or "default" in known else text.strip() or None

    def fault(self, values: Values) -> str:
        """Return what is wrong with the parameter, or nothing."""
        return ""


@dataclass(frozen=True)
class Number(Row):
    """A number within the job's bounds, or narrower ones; without a default it may be left empty."""

    minimum: float | None = None
    maximum: float | None = None

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        whole = known["type"] == "integer"
        kinds = Qgis.ProcessingNumberParameterType
        # QGIS has no bound that is not allowed itself: of whole numbers it is the next one.
        least = known.get("minimum", known["above"] + int(whole) if "above" in known else None)
        most = known.get("maximum", known["below"] - int(whole) if "below" in known else None)
        bounds = {
            "minValue": least if self.minimum is None else self.minimum,
            "maxValue": most if self.maximum is None else self.maximum,
        }
        return QgsProcessingParameterNumber(
            self.name,
            self.title,
            kinds.Integer if whole else kinds.Double,
            known.get("default"),
            optional="default" not in known,
            **{name: bound for name, bound in bounds.items() if bound is not None},
        )

    def read(self, values: Values) -> float | None:
        known, algorithm = self.known(values.algorithm), values.algorithm
        if "default" not in known and not values.has(self.name):
            return None  # 0 is a number
        read = algorithm.parameterAsInt if known["type"] == "integer" else algorithm.parameterAsDouble
        number: float = read(values.parameters, self.name, values.context)
        return number


@dataclass(frozen=True)
class Choice(Row):
    """One of the job's words, or of the numbers it takes; `unset` stands first, for making no choice."""

    unset: str = ""
    options: tuple[str, ...] = ()

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        words = self.options or known.get("choices")
        words = words or [str(number) for number in range(known["minimum"], known["maximum"] + 1)]
        return QgsProcessingParameterEnum(
            self.name,
            self.title,
            options=[self.unset, *words] if self.unset else list(words),
            defaultValue=self.unset or known["default"],
            usesStaticStrings=True,
        )

    def read(self, values: Values) -> str | int | None:
        word = str(values.algorithm.parameterAsEnumString(values.parameters, self.name, values.context))
        if word == self.unset:
            return None
        return int(word) if self.known(values.algorithm)["type"] == "integer" else word


@dataclass(frozen=True)
class Flag(Row):
    """A box to tick; `default` is for one that the job does not take."""

    default: bool = False

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        default = known.get("default", self.default)
        return QgsProcessingParameterBoolean(self.name, self.title, defaultValue=default)

    def read(self, values: Values) -> bool:
        return values.flag(self.name)


@dataclass(frozen=True)
class Text(Row):
    """A text; it may be left empty unless the job's default is one."""

    multi_line: bool = False

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        default = known.get("default") or None
        return QgsProcessingParameterString(
            self.name, self.title, default, multiLine=self.multi_line, optional=default is None
        )


@dataclass(frozen=True)
class FieldName(Row):
    """A field of the layer that the parameter `layer` names, empty for the usual one."""

    layer: str = ""

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        return QgsProcessingParameterField(
            self.name, self.title, parentLayerParameterName=self.layer, optional=True
        )


@dataclass(frozen=True)
class Prepared(Row):
    """A row that `prepare` has read: only the thread that owns layers and project may look at them."""

    def read(self, values: Values) -> Any:
        return values.algorithm.prepared[self.name]


@dataclass(frozen=True)
class Crs(Prepared):
    """A CRS, which may be left empty."""

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        return QgsProcessingParameterCrs(self.name, self.title, optional=True)

    def prepare(self, values: Values) -> str | None:
        return crs_text(values.algorithm.parameterAsCrs(values.parameters, self.name, values.context))
