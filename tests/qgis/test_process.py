"""`plugin/process.py`: the environment of the child."""

from mce_landcover.plugin.process import child_environment


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
