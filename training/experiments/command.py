"""How an experiment is started: CONFIG, a TOML file checked once at the door, and OUT, a folder. The
experiments themselves are packages beside this."""

import argparse
import logging
import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from pydantic import BaseModel, ConfigDict

from ...core.base.errors import InputError, MceError
from ...core.base.progress import Reporter
from ..config import checked
from ..fit import LogReporter
from .report import Outcome, machine, write_outcome

_LOG = logging.getLogger(__name__)


class ExperimentSettings(BaseModel):
    """What every config file says.

    Attributes:
        reduction: in words, how this run is smaller than the paper's; stands over the tables.
        device: "cpu", "cuda" or "cuda:1".
        threads: of the CPU.
        seed: of everything random.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reduction: str
    device: str = "cpu"
    threads: int = 1
    seed: int = 0


Settings = TypeVar("Settings", bound=ExperimentSettings)


def read_settings(path: Path, kind: type[Settings], shipped: Path) -> Settings:
    """Read a config file; a bare name is one of the shipped ones.

    `include = "FILE"` takes what FILE beside it says as well: the file's own values win, tables are
    merged, and of lists of tables its own come first.

    Raises:
        InputError: in one sentence, if it is missing, no TOML, or says something unknown or impossible.
    """
    file = path if path.is_file() else shipped / f"{path}.toml"
    try:
        return checked(kind, _read_toml(file), str(file))
    except OSError as error:
        names = ", ".join(sorted(p.stem for p in shipped.glob("*.toml")))
        raise InputError(f"There is no config file {path}; those shipped are {names}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"The config file {file} is not valid TOML ({error}).") from error


def _read_toml(file: Path) -> dict[str, Any]:
    own = tomllib.loads(file.read_text(encoding="utf-8"))
    if "include" not in own:
        return own
    included = file.parent / own.pop("include")
    if not included.is_file():
        raise InputError(f"The config file {file} includes {included}, which is not there.")
    found = _read_toml(included)
    for key, value in own.items():
        known = found.get(key)
        if isinstance(value, dict) and isinstance(known, dict):
            found[key] = known | value
        elif isinstance(known, list) and known and isinstance(known[0], dict):
            found[key] = value + known
        else:
            found[key] = value
    return found


def run_experiment(
    name: str | None,
    kind: type[Settings],
    experiment: Callable[[Settings, Path, Reporter], Outcome],
    shipped: Path,
    arguments: Sequence[str] | None = None,
) -> int:
    """Run `python -m ... CONFIG OUT`: write `<name>.json` and `<name>.md`, print the latter, return the exit
    code. Without a name the config file's is taken.
    """
    parser = argparse.ArgumentParser(description=sys.modules[experiment.__module__].__doc__)
    parser.add_argument("config", type=Path, help="TOML file, or the name of a shipped one")
    parser.add_argument("output", type=Path, help="folder for results; finished parts in it are used again")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    started = time.monotonic()
    try:
        settings = read_settings(options.config, kind, shipped)
        torch.set_num_threads(settings.threads)
        options.output.mkdir(parents=True, exist_ok=True)
        outcome = experiment(settings, options.output, LogReporter())
        run = {
            "command": f"python -m {_module(experiment)} {options.config} {options.output}",
            "reduction": settings.reduction,
            "seconds": round(time.monotonic() - started, 1),
            "machine": machine(settings.device),
            "settings": settings.model_dump(mode="json"),
        }
        _, readable, *_ = write_outcome(options.output, name or options.config.stem, outcome, run)
    except MceError as error:
        _LOG.error(error)
        return error.exit_code
    sys.stdout.write(readable.read_text(encoding="utf-8"))
    return 0


def _module(experiment: Callable[..., Outcome]) -> str:
    """Return the module's name as `python -m` takes it, also from inside that very run."""
    spec = sys.modules[experiment.__module__].__spec__
    return (spec.name if spec else experiment.__module__).removesuffix(".__main__")
