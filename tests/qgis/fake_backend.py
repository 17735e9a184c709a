"""Stands in for the backend: speaks the protocol with the standard library only, and behaves as it is told.

The environment variable FAKE_BACKEND_MODE says how: `work` (the default) answers every job with a result of
the promised form and writes the tiny rasters that it names. Started with `-I`, like the real one.
"""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

MODE = os.environ.get("FAKE_BACKEND_MODE", "work")


def say(**message):
    print(json.dumps(message), flush=True)


def work(line):
    request = json.loads(line)
    parameters = request["parameters"]
    with Path(os.environ["FAKE_BACKEND_REQUESTS"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(request) + "\n")
    if request["job"] != "backend_info":
        say(type="progress", percent=0.0, message="0 of 4 windows")
        say(type="progress", percent=4.0, message="1 of 4 windows")
        say(type="log", message="Mapping")
        say(type="progress", percent=100.0, message="4 of 4 windows")
    say(type="result", value=globals()[request["job"]](parameters))


def predict(parameters):
    output = Path(parameters["output"])
    output.mkdir(parents=True, exist_ok=True)
    products = {}
    for product in ("land_cover", "expert_1", "expert_2", "evidence"):
        target = Path(parameters["destinations"].get(product, output / f"{product}.tif"))
        shutil.copy(parameters["image"], target)
        target.with_suffix(".qml").write_text(QML, encoding="utf-8")
        products[product] = str(target)
    (output / "run.json").write_text("{}")
    return {
        "output_dir": str(output),
        "products": products,
        "run_file": str(output / "run.json"),
        "windows": 4,
        "seconds": 1.5,
        "device": "cpu",
        "precision": "fp32",
        "model": "demo",
        "classes": [{"id": 1, "name": "bedrock", "color": "#808080", "group": "head"}],
    }


def model_info(parameters):
    card = {
        "name": "demo",
        "classes": [{}] * 9,
        "experts": [{}] * 3,
        "sources": [{"role": "image"}, {"role": "dem"}],
    }
    return {"card": card, "sha256": "ab" * 32, "path": "demo.safetensors", "text": "Model demo\n9 classes"}


def make_scene(parameters):
    output = Path(parameters["output"])
    output.mkdir(parents=True, exist_ok=True)
    return {name: str(output / f"{name}.tif") for name in ("image", "dem", "labels")}


def backend_info(parameters):
    return {
        "python": "3.11.2",
        "versions": {"torch": "2.13.0", "openvino": None},
        "devices": ["cpu (2 threads)"],
    }


QML = """<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.40" styleCategories="AllStyleCategories"><pipe>
<rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1" nodataColor="">
<colorPalette><paletteEntry value="1" color="#808080" alpha="255" label="bedrock"/></colorPalette>
</rasterrenderer></pipe></qgis>
"""


def echo(line):
    seen = {k: v for k, v in os.environ.items() if k.startswith(("PYTHON", "GDAL", "PROJ", "FAKE"))}
    value = {"request": json.loads(line), "environment": seen, "flags": sys.flags.isolated}
    say(type="result", value=value)


def fail(line):
    print("Traceback: the details", file=sys.stderr)
    say(type="error", kind="InputError", message="The image has no CRS: set it.", exit_code=2)
    sys.exit(2)


def fault(line):
    print("Traceback: the details", file=sys.stderr)
    say(type="error", kind="InternalError", message="Please report this.", exit_code=1)
    sys.exit(1)


def crash(line):
    raise ModuleNotFoundError("No module named 'torch'")


def silent_exit(line):
    sys.exit(7)


def killed(line):
    os.kill(os.getpid(), signal.SIGKILL)


def garbage(line):
    print('library chatter\n{"type": "nonsense"}\n[1, 2]', flush=True)
    say(type="result", value={"fine": True})


def linger(line):
    say(type="result", value={"fine": True})
    time.sleep(600)


def hang(line):
    Path(os.environ["FAKE_BACKEND_REQUESTS"]).write_text(str(os.getpid()))
    time.sleep(600)


def stubborn(line):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hang(line)


def noisy(line):
    for number in range(3000):
        print(f"line {number}", file=sys.stderr)
    sys.stderr.write("x" * 100_000 + "\nlast words\n")
    sys.exit(1)


if __name__ == "__main__":
    globals()[MODE](sys.stdin.readline())
