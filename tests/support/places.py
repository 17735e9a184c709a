"""Where the project and the real data beside it lie."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("MCE_SHARED_DATA", ROOT.parent / "shared" / "data"))
