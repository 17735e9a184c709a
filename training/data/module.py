"""The Lightning data module: loaders of training samples and of samples to score on. What the samples are
made of is the datasets' business."""

import os
from collections.abc import Sized
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from ...core.base.errors import InputError
from ..lightning_setup import LightningDataModule
from .samples import EpochSampler

#: Batches that each worker keeps ready.
PREFETCH = 4
MAX_WORKERS = 16


class TileData(LightningDataModule):
    """Loads samples in batches: `train`, `validation` and `test`, of which the latter two may be missing.

    Every process of a distributed run reads its own share.
    """

    def __init__(
        self,
        train: Dataset[Any],
        validation: Dataset[Any] | None = None,
        test: Dataset[Any] | None = None,
        *,
        batch_size: int = 8,
        workers: int | None = None,
        seed: int = 0,
    ):
        """Take datasets and how to load them.

        Args:
            batch_size: of one process.
            workers: that read ahead; 0 reads in between, None takes a worker per core but one.
            seed: of the order of the samples.

        Raises:
            InputError: if there are fewer samples than one batch takes.
        """
        super().__init__()
        if _length(train) < batch_size:
            raise InputError(
                f"There are {_length(train)} training tiles, fewer than a batch of {batch_size}; choose a "
                "smaller batch or give more tiles."
            )
        self.train, self.validation, self.test = train, validation, test
        self.batch_size, self.seed = batch_size, seed
        #: Workers of a resumed run read ahead before Lightning says which epoch it is.
        self.first_epoch = 0
        self.workers = auto_workers() if workers is None else workers

    def train_dataloader(self) -> DataLoader[Any]:
        """Return shuffled batches; the last, smaller one of an epoch is left out."""
        return self._loader(self.train, training=True)

    def val_dataloader(self) -> DataLoader[Any] | list[Any]:
        """Return batches of what is validated on."""
        return [] if self.validation is None else self._loader(self.validation, training=False)

    def test_dataloader(self) -> DataLoader[Any] | list[Any]:
        """Return batches of what is tested on."""
        return [] if self.test is None else self._loader(self.test, training=False)

    def _loader(self, dataset: Dataset[Any], *, training: bool) -> DataLoader[Any]:
        process, processes = 0, 1
        if self.trainer is not None:
            process, processes = self.trainer.global_rank, self.trainer.world_size
        sampler = EpochSampler(
            _length(dataset), self.seed, training=training, process=process, processes=processes
        )
        sampler.set_epoch(self.first_epoch)
        return DataLoader(
            dataset,
            batch_size=self.batch_size,
            sampler=sampler,
            num_workers=self.workers,
            pin_memory=torch.cuda.is_available(),
            drop_last=training,
            persistent_workers=self.workers > 0,
            prefetch_factor=PREFETCH if self.workers else None,
        )


def auto_workers() -> int:
    """Return a worker per core of this process but one, at most 16."""
    return min(MAX_WORKERS, len(os.sched_getaffinity(0)) - 1 if hasattr(os, "sched_getaffinity") else 1)


def _length(dataset: Dataset[Any]) -> int:
    assert isinstance(dataset, Sized)
    return len(dataset)
