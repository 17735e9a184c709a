"""What can be chosen of a training: its loss, its optimizer and its course. What they do lives in `module.py`
and `fit.py`; here nothing imports Lightning, so that a configuration can be checked without it."""

from dataclasses import dataclass
from typing import Literal

from .losses.mce import Complement
from .requests import LossName


@dataclass(frozen=True)
class LossSettings:
    """Which loss: `mce`, or one of the single-head ones; the rest is of `mce` only, see `losses/mce.py`."""

    name: Literal["mce"] | LossName = "mce"
    complement: Complement = "pixels"
    complement_weight: float = 1.0
    rare_weight: float = 1.0


@dataclass(frozen=True)
class OptimizerSettings:
    """Adam and the course of its rates; the defaults are the paper's for DeepLabV3+ (docs/science/methods.md
    section 1).

    Attributes:
        adapted_lr: eq. 1 for the experts' rates.
        schedule: `plateau` multiplies by `factor` after `patience` epochs without a lower validation loss,
            `step` every `patience` epochs;
            `cosine` rises over `warmup` steps and falls to 0 at the end of the training.
    """

    lr: float = 1e-4
    weight_decay: float = 0.01
    adapted_lr: bool = True
    schedule: Literal["plateau", "step", "cosine", "constant"] = "plateau"
    patience: int = 10
    factor: float = 0.1
    warmup: int = 0


@dataclass(frozen=True)
class TrainerSettings:
    """How long and on what.

    Attributes:
        steps: ends a training before its epochs do; -1 never.
        accumulate: batches per optimizer step.
        devices: GPUs, or processes on the CPU, of this machine; more than one share the data (DDP), their
            batch norms counting together. `torchrun` sets more machines.
        every: epochs between validations.
    """

    epochs: int = 50
    steps: int = -1
    device: Literal["auto", "cpu", "cuda"] = "auto"
    devices: int = 1
    nodes: int = 1
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    accumulate: int = 1
    every: int = 1
