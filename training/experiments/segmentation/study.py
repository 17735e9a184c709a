"""What a study says: a training, its variations, and the tables that set them side by side. Running them and
writing the tables live beside this."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ....core.base.errors import InputError
from ....core.model.card import PlainAggregation
from ...aggregators.learnt import RuleName
from ...config import Config, Section, read_config
from ...data.shared import find_data
from ..command import ExperimentSettings

CONFIGS = Path(__file__).parent / "configs"
#: Columns besides groups and classes, and where `core/evaluation/scores.py` keeps them.
COLUMNS = {"mIoU": "mean_iou", "mAcc": "mean_recall", "OA": "overall", "mPre": "mean_precision"}


class RowSpec(Section):
    """A row: a rule's scores in a run. `published` names the paper's row where it is called otherwise."""

    label: str
    run: str
    rule: str = "default"
    published: str | None = None


class TableSpec(Section):
    """A table; `published` is a table of `published.toml`."""

    caption: str
    rows: tuple[RowSpec, ...]
    columns: tuple[str, ...] = ("mIoU", "mAcc", "OA", "head", "body", "tail")
    classes: bool = False  # a column for each class too
    published: str | None = None


class ClaimSpec(Section):
    """The MCE paper's claim: each of `better` has higher mAcc and tail accuracy than `than`, and loses at
    most `overall_loss` of the overall accuracy."""

    better: tuple[str, ...]
    than: str
    overall_loss: float = 0.02


class TrainedRuleSpec(Section):
    """A learnt aggregation that is trained like a network.

    Attributes:
        balance: power of the class weights.
        lr: None takes the rule's own rate.
        window: side in pixels of the patches fitted to; a rule of single pixels needs no large ones.
    """

    name: RuleName
    balance: float = 0.0
    lr: float | None = None
    window: int = 64


class ComposedRuleSpec(Section):
    """The learnt aggregation that bundles hold; it calls as many pixels rare as the one named."""

    name: Literal["composed"]
    as_rare_as: PlainAggregation = "mean_responsible"


RuleSpec = Annotated[TrainedRuleSpec | ComposedRuleSpec, Field(discriminator="name")]


class FittedRules(Section):
    """Learnt aggregations, fitted to the tiles of `split` with the frozen experts of every run named.

    Experts that have seen a tile many times are surer there than elsewhere, so `val` is the better choice,
    unless it is too unlike the rest or the training was short.

    Attributes:
        every: fit to each n-th tile only.
        patches: per epoch.
    """

    runs: tuple[str, ...]
    rules: dict[str, RuleSpec]
    split: Literal["train", "val"] = "val"
    every: int = Field(default=1, gt=0)
    epochs: int = 50
    patches: int = 80

    def only(self, names: Iterable[str]) -> "FittedRules | None":
        """Return those of the rules that are named, None if none is."""
        rules = {name: self.rules[name] for name in names if name in self.rules}
        return self.model_copy(update={"rules": rules}) if rules else None


class Study(ExperimentSettings):
    """A whole study.

    Attributes:
        title: of the report.
        data: which data, and what is wrong with them.
        base: the training that all runs vary, a file beside this one.
        shared: folder of the shared data that `data.folder` is set to, if any.
        runs: name -> changes `section.name=value`.
        seeds: each run is trained once per seed.
        test_every: judge on each n-th test tile only, where neighbours show the same.
        validated: choose the best epoch by the validation split, or take the last one.
        rules: aggregations that runs of several experts are judged by besides their own.
    """

    title: str
    data: str
    base: str
    shared: Path | None = None
    seeds: tuple[int, ...] = Field(default=(1, 2, 3), min_length=1)
    test_every: int = Field(default=1, gt=0)
    validated: bool = False
    runs: dict[str, tuple[str, ...]]
    rules: tuple[str, ...] = ("mean", "mean_responsible", "max", "zero_nontarget", "conditional")
    fitted: FittedRules | None = None
    tables: tuple[TableSpec, ...]
    claim: ClaimSpec | None = None

    @model_validator(mode="after")
    def _rows_have_runs(self) -> Self:
        named = {row.run for table in self.tables for row in table.rows}
        named |= set(self.fitted.runs if self.fitted else ())
        named |= {*self.claim.better, self.claim.than} if self.claim else set()
        unknown = sorted(named - set(self.runs))
        if unknown:
            raise ValueError(f"there is no run {unknown[0]!r}")
        return self


def run_config(study: Study, run: str, seed: int, output: Path) -> Config:
    """Return the training of one run and seed; its bundle goes to `output`.

    Raises:
        InputError: if the base, a change or the data are missing or wrong.
    """
    base = CONFIGS / study.base if not Path(study.base).is_absolute() else Path(study.base)
    if not base.exists():
        raise InputError(f"The study's base configuration {base} is not there.")
    changes = [*study.runs[run], f"seed={seed}", f"output={output}"]
    if study.shared is not None:
        changes.append(f"data.folder={find_data(study.shared)}")
    return read_config(base, changes)


def for_training(study: Study, config: Config) -> Config:
    """Return the configuration without the splits that its training shall not look at."""
    data = config.data
    for name in ("parts", "seeds", "domains", "lists"):
        given = getattr(data, name, None)
        if given is not None:
            kept = given.model_copy(update={"test": None, **({} if study.validated else {"val": None})})
            return config.model_copy(update={"data": data.model_copy(update={name: kept})})
    return config  # tiles that are dealt to splits are all opened together
