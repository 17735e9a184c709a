"""The one way long work reports to whoever started it: command line, worker process or notebook."""

from typing import Protocol


class Reporter(Protocol):
    """Receives progress and log lines; `progress` may raise `Cancelled` to stop the work."""

    def progress(self, done: int, total: int, unit: str) -> None:
        """`done` of `total` `unit`s (for example "windows") are finished; called once per batch."""

    def log(self, message: str) -> None:
        """Say one sentence to the user."""


class SilentReporter:
    """Reports nothing; the default of library calls."""

    def progress(self, done: int, total: int, unit: str) -> None:
        """Ignore."""

    def log(self, message: str) -> None:
        """Ignore."""


#: It has no state, so one serves all.
SILENT: Reporter = SilentReporter()
