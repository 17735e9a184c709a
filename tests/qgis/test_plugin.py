"""`plugin/plugin.py`: what QGIS sees of the plugin, and that nothing stays behind."""

import ast
import configparser
import shutil
import subprocess
from xml.etree import ElementTree

import mce_landcover
import pytest
from mce_landcover.plugin import i18n, layers
from mce_landcover.plugin.paths import RESOURCES, ROOT
from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QObject
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QMainWindow, QMenu, QToolBar


class Interface(QObject):
    """The part of the QGIS interface that we use, with real widgets."""

    def __init__(self) -> None:
        super().__init__()
        self.window = QMainWindow()
        self.menu = QMenu(self.window)
        self.toolbar = QToolBar(self.window)
        self.warnings: list[str] = []
        self.layer_actions = []

    def mainWindow(self):
        return self.window

    def addPluginToRasterMenu(self, name, action):
        self.menu.addAction(action)

    def removePluginRasterMenu(self, name, action):
        self.menu.removeAction(action)

    def addRasterToolBarIcon(self, action):
        self.toolbar.addAction(action)

    def removeRasterToolBarIcon(self, action):
        self.toolbar.removeAction(action)

    def addCustomActionForLayerType(self, action, menu, kind, all_layers):
        self.layer_actions.append(action)

    def removeCustomActionForLayerType(self, action):
        self.layer_actions.remove(action)

    def activeLayer(self):
        return None

    def messageBar(self):
        return self

    def pushWarning(self, title, text):
        self.warnings.append(text)


@pytest.fixture
def interface(qgis_app):
    return Interface()


@pytest.fixture
def plugin(interface, qgis_processing):
    plugin = mce_landcover.classFactory(interface)
    plugin.initGui()
    yield plugin
    plugin.unload()


def provider_ids():
    return {provider.id() for provider in QgsApplication.processingRegistry().providers()}


def test_loading_and_unloading_leaves_nothing(interface, qgis_processing):
    before = provider_ids()
    for _ in range(2):
        plugin = mce_landcover.classFactory(interface)
        plugin.initProcessing()
        plugin.initGui()
        assert provider_ids() == before | {"mce"}
        n_algorithms = len(QgsApplication.processingRegistry().providerById("mce").algorithms())
        assert len(interface.menu.actions()) == n_algorithms + 1, "and the review"
        assert len(interface.toolbar.actions()) == 2
        assert len(interface.layer_actions) == 1
        plugin.unload()
        assert provider_ids() == before
        assert interface.menu.actions() == interface.toolbar.actions() == interface.layer_actions == []
        assert not layers._stylers
        plugin.unload()


def test_headless_loading_needs_no_interface(qgis_app, qgis_processing):
    plugin = mce_landcover.classFactory(None)
    plugin.initProcessing()
    assert "mce" in provider_ids()
    plugin.unload()


def test_second_copy_of_the_plugin_does_no_harm(plugin, interface):
    second = mce_landcover.classFactory(interface)
    second.initProcessing()
    second.unload()
    assert "mce" in provider_ids()


def test_actions_open_dialogs(plugin, interface, fake_backend, monkeypatch):
    import processing

    opened = []
    monkeypatch.setattr(processing, "execAlgorithmDialog", lambda name, parameters: opened.append(name))
    asked = []
    monkeypatch.setattr("mce_landcover.plugin.review.entry.ask_file", asked.append)
    for action in interface.menu.actions():
        assert action.text() and not action.icon().isNull()
        action.trigger()
    provider = QgsApplication.processingRegistry().providerById("mce")
    assert set(opened) == {algorithm.id() for algorithm in provider.algorithms()}
    assert opened[0] == "mce:predict"
    assert asked == [interface.window], "there is nothing to review yet"
    assert interface.warnings == []


def test_action_without_backend_opens_the_setup(plugin, interface, monkeypatch):
    import processing

    opened = []
    monkeypatch.setattr(processing, "execAlgorithmDialog", lambda name, parameters: opened.append(name))
    interface.toolbar.actions()[0].trigger()
    assert opened == ["mce:setup_backend"]
    assert "Set up the backend" in interface.warnings[0]


def test_metadata_fits_the_plugin():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "metadata.txt", encoding="utf-8")
    general = parser["general"]
    assert general["hasProcessingProvider"] == "yes"
    assert (ROOT / general["icon"]).is_file()


@pytest.mark.parametrize("file", sorted((RESOURCES / "icons").glob("*.svg")), ids=lambda file: file.stem)
def test_icons_can_be_drawn(qgis_app, file):
    assert not QIcon(str(file)).pixmap(24, 24).toImage().isNull()


LRELEASE = shutil.which("lrelease") or shutil.which("lrelease-qt5") or shutil.which("lrelease-qt6")


@pytest.mark.skipif(LRELEASE is None, reason="Qt's lrelease, which compiles translations, is not installed")
def test_translation_is_loaded_and_taken_back(qgis_app, interface, qgis_processing, tmp_path, monkeypatch):
    template = (RESOURCES / "i18n" / "mce_landcover.ts").read_text(encoding="utf-8")
    marker = '<source>Map land cover</source>\n   <translation type="unfinished" />'
    assert marker in template
    german = tmp_path / "mce_landcover_de.ts"
    done = marker.replace('<translation type="unfinished" />', "<translation>Karte machen</translation>")
    german.write_text(template.replace(marker, done), encoding="utf-8")
    subprocess.run([LRELEASE, str(german)], check=True, capture_output=True)
    monkeypatch.setattr(i18n.load_translator, "__defaults__", (tmp_path,))
    monkeypatch.setattr("mce_landcover.plugin.plugin.user_locale", lambda: "de_CH")
    plugin = mce_landcover.classFactory(interface)
    assert i18n.tr("Map land cover") == "Karte machen"
    plugin.unload()
    assert i18n.tr("Map land cover") == "Map land cover"


def test_no_translation_is_no_error(qgis_app, tmp_path):
    assert i18n.load_translator("xx_YY", tmp_path) is None


def test_translation_template_is_up_to_date():
    """Run `scripts/update_translations.py` when this fails."""
    names = [node.text for node in ElementTree.parse(RESOURCES / "i18n" / "mce_landcover.ts").iter("source")]
    found = {
        node.args[0].value
        for file in (ROOT / "plugin").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "tr"
    }
    assert set(names) == found
