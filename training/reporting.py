"""How training commands tell their progress on a terminal; the backend's jobs report elsewhere."""

import logging

_LOG = logging.getLogger(__name__)


class LogReporter:
    """Logs sentences, and progress ten times per phase."""

    def __init__(self) -> None:
        self._told = ("", 0)

    def progress(self, done: int, total: int, unit: str) -> None:
        """Log when another tenth is done."""
        tenth = (unit, 10 * done // max(1, total))
        if tenth != self._told:
            self._told = tenth
            self.log(f"{done} of {total} {unit}")

    def log(self, message: str) -> None:
        """Log a sentence."""
        _LOG.info(message)
