"""Switches the layers that a reviewer compares: one at a time, and back. Which layer is what is found in
`run_layers.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qgis.core import QgsMapLayer, QgsProject
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from .run_layers import ORTHOPHOTO

#: Each picture stands so long while they change by themselves: slow enough for those whom flashes harm.
BLINK_MS = 600


class LayerSwitch(QObject):
    """Shows the layers of one role and hides those of the others, in the layer tree."""

    #: The role that is shown now.
    shown_changed = pyqtSignal(str)

    def __init__(self, project: QgsProject, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._roles: dict[str, list[str]] = {}
        self._shown = self._before = ""
        self._timer = QTimer(self)
        self._timer.setInterval(BLINK_MS)
        self._timer.timeout.connect(self.flicker)

    @property
    def roles(self) -> Sequence[str]:
        """Roles that have layers."""
        return tuple(self._roles)

    @property
    def shown(self) -> str:
        """The role on top, empty before the first."""
        return self._shown

    def set_roles(self, roles: Mapping[str, Sequence[QgsMapLayer]]) -> None:
        """Take the layers of each role; nothing is switched, what is on top now is found out."""
        self._roles = {role: [layer.id() for layer in layers] for role, layers in roles.items() if layers}
        root = self._project.layerTreeRoot()
        visible = [n.layerId() for n in root.findLayers() if n.isVisible()]
        on_top = [role for id_ in visible for role, ids in self._roles.items() if id_ in ids]
        self._shown = on_top[0] if on_top else ""
        if self._before not in self._roles:
            self._before = ORTHOPHOTO if ORTHOPHOTO in self._roles else ""

    def show(self, role: str) -> bool:
        """Show the layers of a role alone; False where it has none."""
        if role not in self._roles:
            return False
        if role != self._shown:
            self._before = self._shown or self._before
        self._shown = role
        root = self._project.layerTreeRoot()
        for other, ids in self._roles.items():
            for id_ in ids:
                node = root.findLayer(id_)
                if node is None:
                    continue
                if other == role:
                    node.setItemVisibilityCheckedParentRecursive(True)
                else:
                    node.setItemVisibilityChecked(False)
        self.shown_changed.emit(role)
        return True

    def toggle(self, role: str) -> bool:
        """Show a role, or the orthophoto again where it is shown already; False where it has no layers."""
        back = self._shown == role != ORTHOPHOTO and ORTHOPHOTO in self._roles
        return self.show(ORTHOPHOTO if back else role)

    def next_expert(self) -> bool:
        """Show the next expert, after the last one the first; False where there is none."""
        experts = sorted(
            (role for role in self._roles if role.startswith("expert_")),
            key=lambda role: int(role.rpartition("_")[2]),
        )
        if not experts:
            return False
        at = experts.index(self._shown) if self._shown in experts else -1
        return self.show(experts[(at + 1) % len(experts)])

    def flicker(self) -> bool:
        """Change to the role that was shown before; False where there is none."""
        return bool(self._before) and self.show(self._before)

    @property
    def blinking(self) -> bool:
        """Do the last two change by themselves?"""
        return bool(self._timer.isActive())

    def blink(self, on: bool) -> None:
        """Let the last two change by themselves, or stop it."""
        if on and self._before:
            self._timer.start()
        else:
            self._timer.stop()
