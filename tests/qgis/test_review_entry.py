"""How a review is opened: from menu, layer or file; who reviews; and what is said of a bad file."""

import pytest
from mce_landcover.plugin.review import map_views as opening
from mce_landcover.plugin.review.entry import ReviewEntry
from mce_landcover.plugin.review.map_views import USER_SETTING, ask_user, candidates_file, find_file
from qgis.core import QgsProject, QgsSettings, QgsVectorLayer
from qgis.PyQt.QtWidgets import QFileDialog, QInputDialog
from review_files import change, make_file, rows_of


@pytest.fixture(autouse=True)
def settings():
    for name in (USER_SETTING, opening.FILE_SETTING):
        QgsSettings().remove(name)
    yield
    for name in (USER_SETTING, opening.FILE_SETTING):
        QgsSettings().remove(name)


@pytest.fixture
def path(tmp_path, qgis_app):
    return make_file(tmp_path / "candidates.gpkg")


@pytest.fixture
def entry(window):
    entry = ReviewEntry(window, lambda name, parameters: None)
    yield entry
    entry.close()


@pytest.fixture
def names(monkeypatch):
    """Answers for those who ask who reviews; what was asked is counted."""
    answers = ["Ada", "Bea"]
    monkeypatch.setattr(QInputDialog, "getText", lambda *arguments: (answers.pop(0), True))
    return answers


def layer_of(path, table="candidates"):
    layer = QgsVectorLayer(f"{path}|layername={table}", table, "ogr")
    assert layer.isValid()
    return QgsProject.instance().addMapLayer(layer)


def test_the_user_is_asked_once(entry, path, names):
    entry.open(path)
    entry.reviewer.keys.action("accept").trigger()
    entry.reviewer.close()
    assert entry.reviewer is None
    entry.open(path)
    entry.reviewer.keys.action("accept").trigger()
    assert names == ["Bea"]
    entry.reviewer.dock.finish.user_wanted.emit()
    entry.reviewer.keys.action("reject").trigger()
    assert rows_of(path, "SELECT user FROM decisions") == [("Ada",), ("Ada",), ("Bea",)]


def test_no_name_no_review(entry, path, monkeypatch):
    monkeypatch.setattr(QInputDialog, "getText", lambda *arguments: ("", False))
    entry.open(path)
    assert entry.reviewer is None
    assert QgsSettings().value(USER_SETTING) is None


def test_the_login_is_proposed(window, monkeypatch):
    monkeypatch.setattr(opening, "login_name", lambda: "ada")
    monkeypatch.setattr(QInputDialog, "getText", lambda *arguments: (arguments[-1] + " L.", True))
    assert ask_user(window.window) == "ada L."


def test_the_active_layer_is_reviewed(entry, window, path, names, tmp_path):
    other = make_file(tmp_path / "other.gpkg")
    layer_of(other)
    window.setActiveLayer(layer_of(path))
    entry.action.trigger()
    assert entry.reviewer.store.path == path


def test_the_only_candidates_of_the_project_are_reviewed(entry, path, names):
    layer_of(path, "review")
    entry.layer_action.trigger()
    assert entry.reviewer.store.path == path


def test_else_a_file_is_chosen_and_remembered(entry, path, names, monkeypatch):
    proposed = []

    def choose(parent, title, last, kinds):
        proposed.append(last)
        return str(path), kinds

    monkeypatch.setattr(QFileDialog, "getOpenFileName", choose)
    entry.open()
    assert entry.reviewer.store.path == path
    entry.reviewer.close()
    entry.open()
    assert proposed == ["", str(path)]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *arguments: ("", ""))
    entry.reviewer.close()
    entry.open()
    assert entry.reviewer is None


def test_opening_again_shows_the_same_review(entry, path, names):
    entry.open(path)
    reviewer = entry.reviewer
    entry.open(path)
    assert entry.reviewer is reviewer


def test_another_file_ends_the_first_review(entry, path, names, tmp_path):
    entry.open(path)
    first = entry.reviewer
    entry.open(make_file(tmp_path / "other.gpkg"))
    assert entry.reviewer is not first and not first._open


def broken(path):
    path.write_bytes(b"SQLite format 3\0" + bytes(500))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda path: path.unlink(), "is not there"),
        (lambda path: path.write_text("no database"), "is no GeoPackage of candidates"),
        (broken, "is no GeoPackage of candidates"),
        (lambda path: change(path, "DROP VIEW review"), "is no GeoPackage of candidates"),
        (
            lambda path: change(path, "UPDATE run SET value = '9' WHERE key = 'schema_version'"),
            "another version",
        ),
    ],
)
def test_a_bad_file_is_one_sentence_and_the_open_review_stays(
    entry, window, path, names, tmp_path, spoil, sentence
):
    entry.open(make_file(tmp_path / "good.gpkg"))
    reviewer = entry.reviewer
    spoil(path)
    entry.open(path)
    said = [text for text in window.said() if sentence in text]
    assert said and "Traceback" not in said[0]
    assert entry.reviewer is reviewer and reviewer._open


def test_the_menu_of_candidates_layers_has_the_action(entry, window, path, tmp_path):
    layer_of(path)
    layer_of(path, "review")
    QgsProject.instance().addMapLayer(QgsVectorLayer("Polygon?crs=EPSG:2056", "memory", "memory"))
    assert window.custom_actions == ["type", "candidates", "review"]


def test_other_layers_are_no_candidates(qgis_new_project, path):
    assert candidates_file(None) is None
    assert candidates_file(QgsVectorLayer("Polygon", "memory", "memory")) is None
    assert candidates_file(layer_of(path, "decisions")) is None
    assert candidates_file(layer_of(path)) == path


def test_two_files_in_the_project_leave_the_choice_to_the_user(window, path, tmp_path):
    layer_of(path)
    layer_of(make_file(tmp_path / "other.gpkg"))
    assert find_file(window, QgsProject.instance()) is None
