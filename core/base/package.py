"""Where the package lies, the resources that it ships, and its version, read from the one place that states
it for QGIS too: `metadata.txt`.
"""

from configparser import ConfigParser
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESOURCES = ROOT / "resources"


@cache
def package_version() -> str:
    """Return the version, for example `0.1.0`."""
    metadata = ConfigParser(interpolation=None)
    metadata.read_string((ROOT / "metadata.txt").read_text(encoding="utf-8"))
    return metadata["general"]["version"]
