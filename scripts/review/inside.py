"""Runs inside QGIS (`qgis --code`): opens the review of the file in MCE_REVIEW_FILE and tells the script
outside what happens, as JSON lines with times, so that nothing is guessed from pictures. It presses no key.
"""

import json
import os
import sys
import time
import traceback
from pathlib import Path

from qgis.core import QgsApplication, QgsSettings
from qgis.PyQt.QtCore import QEvent, QObject, Qt, QTimer
from qgis.PyQt.QtWidgets import QApplication
from qgis.utils import iface, loadPlugin, plugins, startPlugin, updateAvailablePlugins

FOLDER = Path(os.environ["MCE_REVIEW_FOLDER"])
FILE = Path(os.environ["MCE_REVIEW_FILE"])
LOADS = os.environ.get("MCE_REVIEW_LAYERS", "1") == "1"
THEME = os.environ.get("MCE_REVIEW_THEME", "")
SIZE = tuple(int(n) for n in os.environ.get("MCE_REVIEW_SIZE", "1400x900").split("x"))
PICTURE_WIDTH = 1200
EVENTS = (FOLDER / "events.jsonl").open("a", encoding="utf-8")
COMMANDS = FOLDER / "commands.txt"


def tell(event: str, **values: object) -> None:
    """Append an event."""
    line = {"event": event, "time": time.perf_counter(), **values}
    EVENTS.write(json.dumps(line, ensure_ascii=False) + "\n")
    EVENTS.flush()


class Ears(QObject):
    """Tells of keys that reach a window, and of the first time a finished map is painted."""

    def __init__(self, canvas) -> None:
        super().__init__()
        self.canvas = canvas
        self.finished = False
        canvas.mapCanvasRefreshed.connect(self.refreshed)
        canvas.viewport().installEventFilter(self)

    def refreshed(self) -> None:
        """A map is finished; it will be painted."""
        self.finished = True
        self.canvas.viewport().update()

    def eventFilter(self, watched, event) -> bool:  # noqa: ARG002, N802, D102
        if event.type() == QEvent.Type.Paint and self.finished:
            self.finished = False
            QTimer.singleShot(0, self.painted)
        return False

    def painted(self) -> None:
        """Tell where the map is."""
        extent = self.canvas.extent()
        tell("drawn", x=extent.center().x(), y=extent.center().y(), width=extent.width())


class Keyboard(QObject):
    """Tells of every key that reaches QGIS's window."""

    def eventFilter(self, watched, event) -> bool:  # noqa: ARG002, N802, D102
        if event.type() == QEvent.Type.KeyPress:
            focus = QApplication.focusWidget()
            tell("key", text=event.text(), key=int(event.key()), focus=type(focus).__name__)
        return False


class Session(QObject):
    """Opens the review and does what the script outside cannot do with keys: pictures and leaving."""

    def __init__(self) -> None:
        super().__init__()
        self.done = 0
        self.ears = Ears(iface.mapCanvas())
        self.keyboard = Keyboard()
        self.timer = QTimer()
        self.timer.timeout.connect(self.obey)

    def start(self) -> None:
        """Open the review, alone in a tidy window."""
        window = iface.mainWindow()
        window.resize(*SIZE)
        window.move(0, 0)
        for name in ("Browser", "Browser2"):
            dock = window.findChild(QObject, name)
            if dock is not None:
                dock.close()
        if "mce_landcover" not in plugins:
            updateAvailablePlugins()
            loadPlugin("mce_landcover")
            startPlugin("mce_landcover")
        QgsSettings().setValue("mce_landcover/review/user", "session")
        for question in ("qgis/askToSaveProjectChanges", "app/askToSaveMemoryLayers"):
            QgsSettings().setValue(question, False)
        entry = plugins["mce_landcover"].review
        entry.open(FILE)
        reviewer = entry.reviewer
        reviewer.session.decided.connect(self.decided)
        reviewer.session.current_changed.connect(self.current)
        if LOADS:
            reviewer.map_views.load_layers()
        if THEME:
            QgsApplication.setUITheme(THEME)
        iface.messageBar().clearWidgets()
        # On the window of the system: a filter on the application crashes PyQt in widgets that are going.
        window.windowHandle().installEventFilter(self.keyboard)
        window.activateWindow()
        iface.mapCanvas().setFocus()
        self.reviewer = reviewer
        self.current(reviewer.session.current)
        self.timer.start(20)
        tell("ready", decided=reviewer.session.queue.progress().n_decided)

    def decided(self, row) -> None:
        """Tell of a row of the log."""
        tell("decided", uuid=row.uuid, candidate=row.candidate, decision=row.decision, class_id=row.class_id)

    def current(self, candidate) -> None:
        """Tell which candidate is shown."""
        uuid = None if candidate is None else candidate.uuid
        drawing = self.reviewer.editor.active
        tell("current", candidate=uuid, drawing=drawing)

    def obey(self) -> None:
        """Carry out the commands that were added to the file since the last time."""
        lines = COMMANDS.read_text(encoding="utf-8").splitlines() if COMMANDS.exists() else []
        for line in lines[self.done :]:
            self.done += 1
            name, _, rest = line.partition(" ")
            {"picture": self.picture, "quit": self.quit, "state": self.state}[name](rest)
            tell("obeyed", line=line)

    def picture(self, file: str) -> None:
        """Save a picture of the window."""
        iface.messageBar().clearWidgets()
        QApplication.processEvents()
        picture = iface.mainWindow().grab().toImage()
        picture.scaledToWidth(PICTURE_WIDTH, Qt.TransformationMode.SmoothTransformation).save(
            file, quality=75
        )

    def state(self, _rest: str) -> None:
        """Tell what the dock says and where the focus is."""
        focus = QApplication.focusWidget()
        tell(
            "state",
            n_decided=self.reviewer.session.queue.progress().n_decided,
            shown=self.reviewer.map_views.switch.shown,
            drawing=self.reviewer.editor.active,
            focus=type(focus).__name__ if focus else "",
            note=self.reviewer.dock.candidate.note.toPlainText(),
        )

    def quit(self, _rest: str) -> None:
        """Leave QGIS."""
        QTimer.singleShot(0, iface.actionExit().trigger)


def start() -> None:
    """Start, or say why not and leave."""
    try:
        session.start()
    except Exception:
        tell("failed", why=traceback.format_exc())
        EVENTS.close()
        sys.stdout.flush()
        os._exit(1)


session = Session()
QTimer.singleShot(500, start)
