"""`plugin/process.py`: the environment of the child."""

import os

from mce_landcover.plugin.process import child_environment, run_lines


def run(script: str):
    lines: list[str] = []
    ended = run_lines(
        ["/bin/sh", "-c", script], env=os.environ, on_line=lines.append, is_cancelled=lambda: False
    )
    return ended, lines


def test_exit_code_is_the_childs_own_though_its_streams_close_first():
    ended, lines = run("echo one; echo two >&2; exec >&- 2>&-; sleep 0.3; exit 5")
    assert (ended.exit_code, ended.stderr, lines) == (5, ("two",), ["one"])


def test_grandchild_that_keeps_the_streams_does_not_hold_us():
    ended, lines = run("echo before; sleep 60 & echo $!; exit 3")
    os.kill(int(lines[1]), 9)
    assert (ended.exit_code, lines[0]) == (3, "before")


def test_qgis_variables_are_cleaned_and_nothing_else():
    base = {
        "PYTHONPATH": "/qgis/python",
        "PYTHONHOME": "/qgis",
        "GDAL_DATA": "/qgis/share/gdal",
        "PROJ_DATA": "/qgis/share/proj",
        "PROJ_LIB": "/qgis/share/proj",
        "__PYVENV_LAUNCHER__": "/qgis/python3",
        "PATH": "/qgis/bin:/usr/bin",
        "HOME": "/home/a",
        "PIP_INDEX_URL": "file:///mirror",
        "CUDA_VISIBLE_DEVICES": "0",
        "HTTPS_PROXY": "proxy:8080",
    }
    kept = child_environment("/qgis", base)
    assert kept.keys() == {"PATH", "HOME", "PIP_INDEX_URL", "CUDA_VISIBLE_DEVICES", "HTTPS_PROXY"}
    assert kept["PATH"] == base["PATH"]


def test_only_entries_inside_a_bundled_qgis_leave_the_library_path():
    base = {"LD_LIBRARY_PATH": "/opt/qgis/lib:/usr/local/cuda/lib64:/opt/qgis-other/lib"}
    assert child_environment("/opt/qgis", base) == {
        "LD_LIBRARY_PATH": "/usr/local/cuda/lib64:/opt/qgis-other/lib"
    }
    assert child_environment("/opt/qgis", {"LD_LIBRARY_PATH": "/opt/qgis/lib"}) == {}
    # A QGIS of the distribution lives under /usr, where the libraries of everybody are.
    shared = {"LD_LIBRARY_PATH": "/usr/lib/cuda"}
    assert child_environment("/usr", shared) == shared
