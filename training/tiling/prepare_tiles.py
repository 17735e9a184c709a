"""The job `prepare_tiles` from top to bottom: looks at rasters and labels, deals the tiles, cuts them,
writes the folder whole and a page that reports on it.
"""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.base.errors import InputError
from ...core.base.files import write_whole
from ...core.base.package import package_version
from ...core.base.progress import Reporter
from ...core.geodata.cells import ground_gsd
from ...core.geodata.grid import WorldGrid, name_of, parse_crs, parse_extent, require_metric
from ...core.geodata.labels import left_out_remark
from ...core.geodata.sources import Raster, open_source
from ...core.model.card import SourceSpec
from ...core.model.classes import LandCoverClass
from ...core.pages.html_page import Page, Percent, Plot, Section, Table, Text, plot_bars, render_page
from ..data.cut import CONFIG, LABELS, TileManifest
from ..data.georeferenced import GridTiles, grid_tiles, list_rasters
from ..data.statistics import count_tiles
from ..requests import PrepareTilesRequest
from ..splits import SPLITS, SplitPlan, SplitReport, Tiles, deal, report_splits, split_plan
from .cutting import Cutter, describe_source, with_scales
from .files import (
    REPORT,
    DealtTiles,
    check_free,
    whole_folder,
    write_config,
    write_lists,
    write_manifest,
    write_statistics,
)
from .labels import ClippedCells, LabelChoice, OpenLabels, is_raster, label_choice, open_labels

_STRATEGIES = {
    "random": "Each tile fell to a split at random.",
    "dominant": "Tiles were dealt so that each split has its share of the tiles of every dominant class.",
    "iterative": "Tiles were dealt so that each split has its share of the tiles that hold each class.",
    "blocked": "Whole blocks fell to a split at random, so that neighbours stay together.",
    "blocked_iterative": "Whole blocks were dealt so that each split has its share of the tiles that hold "
    "each class, and neighbours stay together.",
}


def report_page(
    report: SplitReport,
    classes: Sequence[LandCoverClass],
    plan: SplitPlan,
    block_m: float | None,
    side_m: float,
) -> str:
    """Return the page as HTML."""
    groups = {c.name: c.group for c in classes}
    total = report.pixels.sum(axis=0)
    facts = {
        "tiles": int(report.tiles.sum()),
        "side of a tile": f"{side_m:g} m",
        "labelled pixels": int(total.sum()),
        "classes": len(classes),
    }
    facts |= {f"tiles to {_USE[name]}": int(n) for name, n in zip(report.names, report.tiles, strict=True)}
    sections = [
        Section("What to mind", [Text(sentence) for sentence in warnings(report)]),
        Section(
            "Classes",
            [
                Plot(
                    plot_bars(report.classes, 100 * total / total.sum(), x_label="share of the pixels, %"),
                    "Share of each class in all labelled pixels.",
                ),
                _shares(report, groups),
                _holders(report),
            ],
        ),
        Section("How tiles were dealt", [Text(_how(report, plan, block_m))]),
    ]
    return render_page(Page("Training tiles", "Made by prepare-tiles of MCE Land Cover.", sections, facts))


_USE = {"train": "train on", "val": "validate on", "test": "test on"}


def warnings(report: SplitReport) -> list[str]:
    """Return what the report warns of, or that there is nothing."""
    return report.warnings() or ["Nothing: every split holds every class, and no neighbours were parted."]


def _shares(report: SplitReport, groups: Mapping[str, str]) -> Table:
    rows = [
        [name, groups[name], *(Percent(100 * share) for share in report.shares[:, i])]
        for i, name in enumerate(report.classes)
    ]
    return Table(["class", "group", *report.names], rows, "Share of each split's labelled pixels, %.")


def _holders(report: SplitReport) -> Table:
    rows = [[name, *map(int, report.holders[:, i])] for i, name in enumerate(report.classes)]
    return Table(["class", *report.names], rows, "Tiles that hold the class.")


def _how(report: SplitReport, plan: SplitPlan, block_m: float | None) -> str:
    blocks = f" Blocks are {block_m:g} m wide." if block_m else ""
    parted = ""
    if report.neighbours:
        parted = f" Of {report.neighbours:,} pairs of neighbouring tiles, {report.parted:,} were parted."
    return f"{_STRATEGIES[plan.strategy]}{blocks} The seed is {plan.seed}.{parted}"


@dataclass(frozen=True)
class TilesResult:
    """The folder, its configuration for `train`, its report, and what is in it."""

    folder: Path
    config: Path
    page: Path
    classes: tuple[LandCoverClass, ...]
    report: SplitReport


def prepare_tiles(request: PrepareTilesRequest, reporter: Reporter) -> TilesResult:
    """Cut tiles into a folder that a training takes, whole or not at all.

    Raises:
        InputError: if rasters, labels, classes or splits cannot be used, or the folder is taken.
        OutputError: if it cannot be written.
        Cancelled: nothing is left then.
    """
    check_free(request.output, overwrite=request.overwrite)
    grid, files = _grid(request)
    labels, tiles = _open(request, grid, files)
    counts = count_tiles(tiles, [d.id for d in labels.entries], None, reporter)
    enough = max(1, request.min_labelled * request.tile**2)
    labelled = np.flatnonzero(counts.sum(axis=1) >= enough)
    known = "the list of classes"
    remark = left_out_remark(labels.left_out.counts, f"The labels file {request.labels[0]}", known)
    if remark and not counts.any():
        listed = ", ".join(f"{entry.id} ({entry.name})" for entry in labels.entries)
        raise InputError(f"{remark} Nothing else is labelled; the classes are {listed}.")
    if remark:
        reporter.log(remark)
    if not labelled.size:
        raise InputError(f"No tile has {enough:,.0f} labelled pixels; check where labels and rasters lie.")
    counts = counts[labelled]
    classes = labels.classes(counts)
    _tell_absent(labels, classes, reporter)
    # What cannot be dealt is refused now, not when everything is cut.
    deal(Tiles(counts[:, counts.any(axis=0)], _bounds(tiles, labelled)), split_plan(request), classes)
    with whole_folder(request.output) as folder:
        cut = Cutter(tiles, folder, classes, request.min_labelled).cut(labelled, reporter)
        if not len(cut.kept):
            raise InputError("No tile has enough labelled pixels that all sources cover; check extents.")
        names = tiles.names
        found = _dealt([names[i] for i in cut.kept], _bounds(tiles, cut.kept), cut.counts, request, classes)
        report = report_splits(
            Tiles(found.counts, found.bounds), found.folds, [c.name for c in classes], SPLITS
        )
        manifest = TileManifest(
            crs=name_of(grid.crs) if grid.crs.to_epsg() else grid.crs.to_wkt(),
            gsd_m=grid.gsd,
            side=request.tile,
            classes=classes,
            sources=with_scales([spec for spec, _ in tiles.sources], cut.largest),
            made_with=_made_with(request, report),
        )
        write_lists(folder, manifest, found)
        write_statistics(folder, classes, found)
        write_config(folder, request.name, classes, int(report.tiles[0]))
        side_m, block_m = request.tile * grid.gsd, split_plan(request).block_for(found.bounds)
        page = report_page(report, classes, split_plan(request), block_m=block_m, side_m=side_m)
        write_whole(folder / REPORT, page.encode("utf-8"))
        write_manifest(folder, manifest)
    return TilesResult(request.output, request.output / CONFIG, request.output / REPORT, classes, report)


def _dealt(
    names: Sequence[str],
    bounds: NDArray[np.float64],
    counts: NDArray[np.int64],
    request: PrepareTilesRequest,
    classes: Sequence[LandCoverClass],
) -> DealtTiles:
    lost = np.flatnonzero(~counts.any(axis=0))
    if lost.size:
        raise InputError(
            f"The class {classes[lost[0]].name} is labelled only where a source is missing; leave it out, or "
            "give sources that cover it."
        )
    return DealtTiles(names, bounds, counts, deal(Tiles(counts, bounds), split_plan(request), classes))


def _grid(request: PrepareTilesRequest) -> tuple[WorldGrid, dict[str, list[Path]]]:
    """Return the grid of the tiles, and the files of each role."""
    files = {role: list_rasters(paths, role) for role, paths in request.sources.items()}
    role = next(iter(files))
    first = open_source(describe_source(role, files[role], 1.0), files[role])
    crs = parse_crs(request.crs) if request.crs else first.crs
    require_metric(crs, f"The coordinate reference system of {first.files[0]}")
    return WorldGrid(crs, request.gsd_m or _own_gsd(label_choice(request), first, WorldGrid(crs, 1.0))), files


def _own_gsd(labels: LabelChoice, image: Raster, grid: WorldGrid) -> float:
    """Return the pixel of the label raster, else of the image, in metres."""
    raster = image
    if labels.files and is_raster(labels.files[0]):
        files = list_rasters(labels.files, LABELS)
        raster = open_source(describe_source(LABELS, files, 1.0), files)
    return float(f"{ground_gsd(raster, grid.crs):.4g}")


def _open(
    request: PrepareTilesRequest, grid: WorldGrid, files: Mapping[str, Sequence[Path]]
) -> tuple[OpenLabels, GridTiles]:
    labels = open_labels(label_choice(request), grid, request.tile)
    if request.extent:
        clipped = ClippedCells(labels.cells, parse_extent(request.extent, grid), request.tile)
        if not clipped.extent.size:
            raise InputError("The extent and the labels do not overlap; choose an extent that holds labels.")
        labels = replace(labels, cells=clipped)
    specs = [_spec(role, paths, grid) for role, paths in files.items()]
    return labels, grid_tiles(specs, files, labels.cells, grid, request.tile)


def _spec(role: str, paths: Sequence[Path], grid: WorldGrid) -> SourceSpec:
    spec = describe_source(role, paths, grid.gsd)
    found = ground_gsd(open_source(spec, paths), grid.crs)
    return spec.model_copy(update={"gsd_m": float(f"{found:.4g}")})


def _bounds(tiles: GridTiles, chosen: NDArray[np.intp]) -> NDArray[np.float64]:
    assert tiles.bounds is not None
    return tiles.bounds[chosen]


def _tell_absent(labels: OpenLabels, classes: Sequence[LandCoverClass], reporter: Reporter) -> None:
    present = {c.id for c in classes}
    absent = [entry.name for entry in labels.entries if entry.id not in present]
    if labels.is_given and absent:
        reporter.log(f"No tile holds {', '.join(absent)}: the model will not know of it.")


def _made_with(request: PrepareTilesRequest, report: SplitReport) -> dict[str, Any]:
    choice = label_choice(request)
    return {
        "sources": {role: [str(path) for path in paths] for role, paths in request.sources.items()},
        "labels": asdict(choice) | {"files": [str(file) for file in choice.files]},
        "extent": request.extent,
        "min_labelled": request.min_labelled,
        "split": asdict(split_plan(request)),
        "report": report.as_json(),
        "versions": {"mce_landcover": package_version(), "python": platform.python_version()},
    }
