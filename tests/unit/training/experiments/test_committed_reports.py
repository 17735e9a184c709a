"""The reports in the repository are what today's tables make of the numbers beside them."""

import json
from pathlib import Path
from typing import Any

import pytest
from mce_landcover.training.experiments.metafusion import cifar10, places
from mce_landcover.training.experiments.metafusion.sweep import (
    finding,
    plain_at_equal_fn,
    price_table,
    published_table,
    sweep_table,
)
from mce_landcover.training.experiments.multilabel import losses, splits
from mce_landcover.training.experiments.multilabel.shape import Shape

EXPERIMENTS = Path(losses.__file__).parents[1]


def reports(experiment: str, pattern: str) -> list[Path]:
    return sorted((EXPERIMENTS / experiment / "reports").glob(pattern))


def read(file: Path) -> tuple[Any, str]:
    results = json.loads(file.read_text(encoding="utf-8"))["results"]
    return results, file.with_suffix(".md").read_text(encoding="utf-8")


@pytest.mark.parametrize("file", reports("multilabel", "losses*.json"), ids=lambda p: p.stem)
def test_losses(file: Path) -> None:
    results, text = read(file)
    rows, rare = results["rows"], results["rare_classes"]
    shapes = {loss: Shape(**shape) for loss, shape in results["shapes"].items()}
    curves = losses.curve_table(rows)
    tables = [losses.accuracy_table(rows), losses.comparison_table(rows, shapes, rare)]
    for table in [*tables, losses.published_table(), *([curves] if curves else [])]:
        assert table.markdown() in text


@pytest.mark.parametrize("file", reports("multilabel", "splits*.json"), ids=lambda p: p.stem)
def test_splits(file: Path) -> None:
    results, text = read(file)
    assert splits.score_table(results["rows"]).markdown() in text


@pytest.mark.parametrize("file", reports("metafusion", "c*10_*.json"), ids=lambda p: p.stem)
def test_cifar10(file: Path) -> None:
    results, text = read(file)
    networks = results["networks"]
    assert cifar10.table_1(networks, results["classes"]).markdown() in text
    assert cifar10.figure_4(networks).markdown() in text
    assert all(sentence in text for sentence in cifar10.findings(networks))


@pytest.mark.parametrize("name", ["alpine_cpu", "camvid_cpu"])
def test_sweeps(name: str) -> None:
    results, text = read(EXPERIMENTS / "metafusion" / "reports" / f"{name}.json")
    sweeps = [s for part in results.values() if isinstance(part, dict) for s in part.get("sweeps", ())]
    assert len(sweeps) == 8
    for sweep in sweeps:
        assert sweep_table(sweep).markdown() in text and finding(sweep) in text
        for point in sweep["points"]:
            paid = point["plain_fp_at_equal_fn"]
            paid = float("nan") if paid is None else paid
            assert plain_at_equal_fn(sweep, point["fused"]) == pytest.approx(paid, nan_ok=True)
        if sweep["prices"]:
            _, rows = price_table(sweep, "").markdown().split("\n", 1)
            assert rows in text
    assert published_table("MobileNetV2").markdown() in text


def test_places() -> None:
    file = EXPERIMENTS / "metafusion" / "reports" / "places_cpu.json"
    results, text = read(file)
    said = json.loads(file.read_text(encoding="utf-8"))["run"]["settings"]
    outcome = places.outcome_of(places.PlacesSettings(**said), results)
    assert all(table.markdown() in text for table in outcome.tables)
    assert all(sentence in text for sentence in outcome.findings)
