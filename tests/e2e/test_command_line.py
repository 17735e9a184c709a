"""`mce-landcover` as people run it: results, refusals, what Ctrl-C, kill -9 and a full disk leave behind."""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from executables import (
    PLAIN,
    ROOT,
    Scene,
    command_line,
    looks_finished,
    make_scene,
    rasters_of,
    run_command,
    sentence_of,
)
from mce_landcover.core.model.classes import load_catalogue
from mce_landcover.service.protocol import Progress, Request, Result, decode, encode_request

PRODUCTS = ("land_cover", "expert_1", "expert_2", "expert_3", "evidence")


def test_predict_writes_every_product_on_one_grid_and_the_record(scene: Scene, finished: Path) -> None:
    grids = set()
    for product in PRODUCTS:
        with rasterio.open(finished / f"{product}.tif") as raster:
            grids.add((raster.crs.to_epsg(), raster.transform, raster.shape))
            if product != "evidence":
                assert set(np.unique(raster.read())) <= {c.id for c in load_catalogue()} | {255}
                assert raster.nodata == 255
                assert raster.colormap(1)[7][:3] == (0x31, 0x82, 0xBD)
    with rasterio.open(scene.labels) as labels:
        assert grids == {(2056, labels.transform, labels.shape)}
    record = json.loads((finished / "run.json").read_text())
    assert record.keys() >= {
        "device",
        "precision",
        "model",
        "inputs",
        "parameters",
        "windows",
        "seconds",
        "versions",
    }
    assert len(record["model"]["sha256"]) == 64


def test_json_ends_with_a_result_equal_to_what_the_worker_says(
    scene: Scene, finished: Path, tmp_path: Path
) -> None:
    done = run_command("predict", *scene.options, "--output", tmp_path / "run", "--json")
    assert done.returncode == 0, done.stderr
    *before, last = [decode(line) for line in done.stdout.splitlines()]
    assert isinstance(last, Result)
    assert any(isinstance(m, Progress) for m in before)
    assert {name: Path(path).name for name, path in last.value["products"].items()} == {
        p: f"{p}.tif" for p in PRODUCTS
    }
    assert rasters_of(tmp_path / "run") == rasters_of(finished)

    parameters = {"image": str(scene.image), "dem": [str(scene.dem)], "output": str(tmp_path / "worker")}
    worker = subprocess.run(
        [sys.executable, "-I", str(ROOT / "service/bootstrap.py")],
        input=encode_request(Request("predict", parameters)),
        capture_output=True,
        text=True,
        check=False,
    )
    answer = decode(worker.stdout.splitlines()[-1])
    assert isinstance(answer, Result), worker.stderr
    assert answer.value.keys() == last.value.keys()
    assert answer.value["classes"] == last.value["classes"]
    assert rasters_of(tmp_path / "worker") == rasters_of(finished)


def test_finished_results_are_kept_unless_told_otherwise(scene: Scene, finished: Path) -> None:
    before = rasters_of(finished)
    done = run_command("predict", *scene.options, "--output", finished, *PLAIN)
    assert done.returncode == 2
    assert "overwrite" in sentence_of(done)
    assert rasters_of(finished) == before


def test_an_extent_maps_the_same_classes_as_the_whole(scene: Scene, tmp_path: Path) -> None:
    with rasterio.open(scene.labels) as labels:
        left, bottom, right, top = labels.bounds
    extent = f"{left + 31},{right - 40},{bottom + 23},{top - 11} [EPSG:2056]"
    for name, options in {"whole": [], "part": ["--extent", extent]}.items():
        done = run_command("predict", *scene.options, "--output", tmp_path / name, *PLAIN, *options)
        assert done.returncode == 0, done.stderr
    with (
        rasterio.open(tmp_path / "whole/land_cover.tif") as whole,
        rasterio.open(tmp_path / "part/land_cover.tif") as part,
    ):
        window = rasterio.windows.from_bounds(*part.bounds, whole.transform)
        assert part.shape == (2 * 86, 2 * 49)
        assert (part.read() == whole.read(window=window)).all()


def test_overview_draws_a_finished_run(finished: Path, tmp_path: Path) -> None:
    done = run_command("overview", finished, "--output", tmp_path / "overview.png")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "overview.png").stat().st_size > 50_000


def test_model_info_tells_the_model_in_words_and_as_data() -> None:
    text = run_command("model-info", "demo")
    assert text.returncode == 0, text.stderr
    assert all(c.name in text.stdout for c in load_catalogue())
    value = json.loads(run_command("model-info", "demo", "--json").stdout)["value"]
    assert value["sha256"] in text.stdout
    assert [c["id"] for c in value["card"]["classes"]] == list(range(1, 10))


# Bad input: each case changes the good inputs in one way. ------------------------------------------------


def rewrite(source: Path, target: Path, data: np.ndarray | None = None, **changes: object) -> str:
    """Copy a raster with another profile or other pixels, and return its path."""
    with rasterio.open(source) as raster:
        profile = {**raster.profile, **changes}
        pixels = raster.read() if data is None else data
    with rasterio.open(target, "w", **{**profile, "count": pixels.shape[0]}) as raster:
        raster.write(pixels)
    return str(target)


def far_away(scene: Scene, folder: Path) -> list[str]:
    transform = Affine(0.5, 0, 2_700_000, 0, -0.5, 1_100_000)
    return ["--image", str(scene.image), "--dem", rewrite(scene.dem, folder / "dem.tif", transform=transform)]


def without_crs(scene: Scene, folder: Path) -> list[str]:
    return ["--image", rewrite(scene.image, folder / "image.tif", crs=None), "--dem", str(scene.dem)]


def two_bands(scene: Scene, folder: Path) -> list[str]:
    with rasterio.open(scene.image) as raster:
        data = raster.read((1, 2))
    image = rewrite(scene.image, folder / "image.tif", data, photometric="minisblack")
    return ["--image", image, "--dem", str(scene.dem)]


def unknown_source(scene: Scene, _folder: Path) -> list[str]:
    return [*scene.options, "--source", f"radar={scene.dem}"]


def without_dem(scene: Scene, _folder: Path) -> list[str]:
    return ["--image", str(scene.image)]


def dem_in_feet(scene: Scene, folder: Path) -> list[str]:
    dem = folder / "dem.tif"
    rewrite(scene.dem, dem)
    with rasterio.open(dem, "r+") as raster:
        raster.units = ("ft",)
    return ["--image", str(scene.image), "--dem", str(dem)]


def dem_upside_down(scene: Scene, folder: Path) -> list[str]:
    with rasterio.open(scene.dem) as raster:
        a, _, c, _, e, f = raster.transform[:6]
        transform = Affine(a, 0, c, 0, -e, f + e * raster.height)
    return ["--image", str(scene.image), "--dem", rewrite(scene.dem, folder / "dem.tif", transform=transform)]


def truncated(scene: Scene, folder: Path) -> list[str]:
    image = folder / "image.tif"
    image.write_bytes(scene.image.read_bytes()[: scene.image.stat().st_size // 2])
    return ["--image", str(image), "--dem", str(scene.dem)]


def no_tiff(scene: Scene, folder: Path) -> list[str]:
    image = folder / "image.tif"
    image.write_bytes(b"this is no raster")
    return ["--image", str(image), "--dem", str(scene.dem)]


def absent(scene: Scene, folder: Path) -> list[str]:
    return ["--image", str(folder / "absent.tif"), "--dem", str(scene.dem)]


def all_nodata(scene: Scene, folder: Path) -> list[str]:
    with rasterio.open(scene.dem) as raster:
        data = np.full((1, *raster.shape), -9999, np.float32)
    return ["--image", str(scene.image), "--dem", rewrite(scene.dem, folder / "dem.tif", data, nodata=-9999)]


def pickled_model(scene: Scene, folder: Path) -> list[str]:
    model = folder / "model.pt"
    model.write_bytes(pickle.dumps({"state_dict": [1, 2, 3]}))
    return [*scene.options, "--model", str(model)]


def wrong_header(scene: Scene, folder: Path) -> list[str]:
    header = json.dumps({"__metadata__": {"model_card": '{"format_version": 99}'}}).encode()
    model = folder / "model.safetensors"
    model.write_bytes(len(header).to_bytes(8, "little") + header)
    return [*scene.options, "--model", str(model)]


def absent_model(scene: Scene, folder: Path) -> list[str]:
    return [*scene.options, "--model", str(folder / "absent.safetensors")]


def extent_outside(scene: Scene, _folder: Path) -> list[str]:
    return [*scene.options, "--extent", "0,100,0,100 [EPSG:2056]"]


def extent_of_words(scene: Scene, _folder: Path) -> list[str]:
    return [*scene.options, "--extent", "here and there"]


def unknown_crs(scene: Scene, _folder: Path) -> list[str]:
    return [*scene.options, "--crs", "EPSG:999999"]


def unknown_aggregation(scene: Scene, _folder: Path) -> list[str]:
    return [*scene.options, "--aggregation", "oracle"]


def unknown_product(scene: Scene, folder: Path) -> list[str]:
    return [*scene.options, "--destination", f"expert_9={folder / 'x.tif'}"]


Case = Callable[[Scene, Path], list[str]]
BAD: dict[Case, str] = {
    far_away: "overlap|outside|common",
    without_crs: "CRS|coordinate",
    two_bands: "band",
    unknown_source: "radar",
    without_dem: "dem",
    dem_in_feet: "feet|foot|ft",
    dem_upside_down: "upside|north|rotat|transform",
    truncated: "image.tif",
    no_tiff: "image.tif",
    absent: "absent.tif",
    all_nodata: "nothing|no value|nodata|no pixel",
    pickled_model: "model.pt",
    wrong_header: "model.safetensors",
    absent_model: "absent.safetensors",
    extent_outside: "extent",
    extent_of_words: "extent",
    unknown_crs: "999999",
    unknown_aggregation: "oracle",
    unknown_product: "expert_9",
}


@dataclass(frozen=True)
class Refusal:
    """How a bad input was refused, and what it left behind."""

    done: subprocess.CompletedProcess[str]
    left: tuple[str, ...]


@pytest.fixture(scope="module")
def refusals(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> dict[Case, Refusal]:
    """All bad inputs, tried a few at a time: most of the time goes into starting Python."""
    folders = {case: tmp_path_factory.mktemp(case.__name__) for case in BAD}

    def refuse(case: Case) -> Refusal:
        folder = folders[case]
        given = case(scene, folder)
        before = set(folder.rglob("*"))
        done = run_command("predict", *given, "--output", folder / "out" / "run", *PLAIN)
        left = set(folder.rglob("*")) - before
        return Refusal(done, tuple(path.name for path in left if path.is_file()))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(BAD, pool.map(refuse, BAD), strict=True))


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.__name__)
def test_bad_input_is_one_sentence_exit_2_and_nothing_written(
    case: Case, refusals: dict[Case, Refusal]
) -> None:
    refusal = refusals[case]
    assert refusal.done.returncode == 2, refusal.done.stderr
    sentence = sentence_of(refusal.done).lower()
    assert any(word in sentence for word in BAD[case].lower().split("|")), sentence
    assert refusal.left == ()


def test_cuda_asked_for_and_absent_is_refused(scene: Scene, tmp_path: Path) -> None:
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    output = tmp_path / "run"
    done = run_command("predict", *scene.options, "--output", output, "--device", "cuda", env=environment)
    assert done.returncode == 2
    assert "cuda" in sentence_of(done).lower()
    assert not output.exists()


# A sick disk. --------------------------------------------------------------------------------


def in_own_mounts(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script that may mount, in a namespace of its own; skip where the kernel forbids it."""
    if (
        not shutil.which("unshare")
        or subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("needs unprivileged mounts (unshare -rm)")
    command = ["unshare", "-rm", "sh", "-c", f'{script} && exec "$@"', "sh", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_full_disk_is_one_sentence_and_leaves_nothing_that_looks_finished(
    scene: Scene, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    listing = tmp_path / "listing"
    command = command_line("predict", *scene.options, "--output", disk / "run", *PLAIN)
    # The mount ends with the namespace: what is left on it is listed from inside.
    script = (
        f"mount -t tmpfs -o size=96k tmpfs '{disk}' && trap 'find \"{disk}\" -type f > \"{listing}\"' EXIT"
    )
    done = in_own_mounts(f'{script}; run() {{ "$@"; }}; run "$@"; exit', *command)
    assert done.returncode == 1, done.stderr
    assert "full" in sentence_of(done)
    left = [Path(line).name for line in listing.read_text().splitlines()]
    assert not [name for name in left if name.endswith(".tif") or name == "run.json"]


def test_a_read_only_folder_is_one_sentence(scene: Scene, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = command_line("predict", *scene.options, "--output", disk / "run", *PLAIN)
    done = in_own_mounts(f"mount -t tmpfs -o ro tmpfs '{disk}'", *command)
    assert done.returncode in (1, 2)
    assert str(disk) in sentence_of(done)


def test_a_file_in_the_way_is_one_sentence(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("in the way")
    for output in (tmp_path / "run", tmp_path / "run" / "deeper"):
        done = run_command("predict", *scene.options, "--output", output, *PLAIN)
        assert done.returncode in (1, 2)
        assert str(tmp_path / "run") in sentence_of(done)
    assert (tmp_path / "run").read_text() == "in the way"


# Interrupted runs. ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """280 m: more rows than the engine writes at once, so that there is something to take up again."""
    return make_scene(tmp_path_factory.mktemp("larger"), 280)


def strip_of(scene: Scene) -> list[str]:
    """Options that map a narrow strip over the full height of a scene: many rows, few windows."""
    with rasterio.open(scene.labels) as labels:
        left, bottom, _, top = labels.bounds
    return [*scene.options, "--extent", f"{left},{left + 40},{bottom},{top} [EPSG:2056]", *PLAIN]


@pytest.fixture(scope="module")
def undisturbed(larger: Scene, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    output = tmp_path_factory.mktemp("undisturbed") / "run"
    done = run_command("predict", *strip_of(larger), "--output", output)
    assert done.returncode == 0, done.stderr
    return rasters_of(output)


def interrupt(scene: Scene, output: Path, number: int, percent: float) -> subprocess.CompletedProcess[str]:
    """Start a run and send it a signal as soon as it reports `percent` of its windows."""
    command = command_line("predict", *strip_of(scene), "--output", output, "--json")
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout
    seen = []
    for line in child.stdout:
        seen.append(line)
        message = decode(line)
        if isinstance(message, Progress) and message.percent >= percent:
            child.send_signal(number)
            break
    stdout, stderr = child.communicate(timeout=120)
    return subprocess.CompletedProcess(command, child.returncode, "".join(seen) + stdout, stderr)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_ctrl_c_ends_with_130_leaves_nothing_finished_and_can_be_taken_up_again(
    larger: Scene, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    output = tmp_path / "run"
    done = interrupt(larger, output, signal.SIGINT, percent=30)
    assert done.returncode == 130, done.stderr
    assert decode(done.stdout.splitlines()[-1]).kind == "Cancelled"
    assert "Traceback" not in done.stderr
    assert looks_finished(output) == []
    again = run_command("predict", *strip_of(larger), "--output", output)
    assert again.returncode == 0, again.stderr
    assert rasters_of(output) == undisturbed


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_run_killed_again_and_again_gives_the_bytes_of_an_undisturbed_one(
    larger: Scene, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    """At the first batch, in the middle, and twice at 100 %, which is while the products are published."""
    output = tmp_path / "run"
    for percent in (0, 60, 100, 100):
        done = interrupt(larger, output, signal.SIGKILL, percent)
        if done.returncode == 0:
            break  # it was done before the signal came
        assert done.returncode == -signal.SIGKILL
        assert "run.json" not in looks_finished(output)
    else:
        again = run_command("predict", *strip_of(larger), "--output", output)
        assert again.returncode == 0, again.stderr
    assert rasters_of(output) == undisturbed
    assert not [path for path in output.iterdir() if path.name.startswith(".")], "the work folder is gone"
