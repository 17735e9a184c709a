#!/usr/bin/env python3
"""Takes pictures of the review as others see it: on a screen of twice the resolution, and in a dark theme.

    python scripts/review/looks.py OUT

OUT is that of `session.py`, and gets scaled.png and dark.png: look at them.
"""

import sys
import time
from pathlib import Path

from window import Screen, Window

from scene import fresh_copy, make_candidates

LOOKS = {
    "scaled": ("3200x2000", {"QT_SCALE_FACTOR": "2", "MCE_REVIEW_SIZE": "1400x950"}),
    "dark": ("1600x1000", {"MCE_REVIEW_THEME": "Night Mapping"}),
    "blend": ("1600x1000", {"MCE_REVIEW_THEME": "Blend of Gray"}),
}


def main() -> None:
    """Take the pictures."""
    out = Path(sys.argv[1])
    file = fresh_copy(make_candidates(out), "looks.gpkg")
    for name, (size, settings) in LOOKS.items():
        with Screen(size) as screen:
            window = Window(screen, out / "looks", file, **settings)
            try:
                window.wait_ready()
                window.key("a", "m")
                time.sleep(1)
                window.command(f"picture {(out / name).absolute()}.png")
                window.quit()
            finally:
                if window.process.poll() is None:
                    window.kill()


if __name__ == "__main__":
    main()
