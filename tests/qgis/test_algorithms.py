"""The provider and what each algorithm declares, says of itself, and gets from the (fake) backend."""

import processing
import pytest
from mce_landcover.plugin import backend
from mce_landcover.plugin.help import markdown_to_html
from mce_landcover.plugin.paths import RESOURCES
from mce_landcover.plugin.provider import ALGORITHMS, MODELS
from qgis.core import QgsApplication, QgsProcessingException

SETTINGS = {"SOURCES", "CRS", "AGGREGATION", "DEVICE", "PRECISION", "ENGINE"}
RASTERS = {"IMAGE", "DEM", "MODEL", "EXTENT"}
EXPERTS = {"EXPERT_1", "EXPERT_2", "EXPERT_3"}
PARAMETERS = {
    "predict": {
        *(RASTERS | SETTINGS | EXPERTS),
        *("ALPHA", "OVERLAP", "BATCH_SIZE", "LOGITS", "TILES", "TILES_FIRST", "OVERWRITE", "LOAD_LAYERS"),
        *("OUTPUT_DIR", "MAP", "EVIDENCE"),
    },
    "flag_candidates": {
        *(RASTERS | SETTINGS),
        *("RUN", "CLASSES", "META", "ACCEPTED_PER_FIND", "MIN_AREA", "ALPHA", "PRIORS", "SIMPLIFY"),
        *("OVERWRITE", "LOAD_LAYERS", "CANDIDATES_FILE", "KIND"),
    },
    "fit_meta_classifier": {
        *("RUNS", "LABELS", "REVIEWED", "CLASSES", "LABEL_FIELD", "ALPHA", "FEATURES", "FOLDS", "TILE"),
        *("OVERSAMPLE", "SEED", "OVERWRITE", "META"),
    },
    "rank_candidates": {"CANDIDATES", "META"},
    "apply_review": {
        *("RUN", "CANDIDATES", "DECIDE_BY", "ACCEPTED_PER_FIND", "KEPT_PER_LOSS"),
        *("OVERWRITE", "LOAD_LAYERS", "MAP"),
    },
    "explain": {
        *("CANDIDATES", "UUID", "POINT", "EXTENT", "CLASS", "EXPERT", "AGAINST", "IMAGE", "DEM", "MODEL"),
        *("SOURCES", "CRS", "DEVICE", "OVERWRITE", "HEAT_MAP"),
    },
    "screen_tiles": {
        *(RASTERS | {"SOURCES", "CRS", "DEVICE", "PRECISION"}),
        *("CLASSES", "GRID", "OVERWRITE", "LOAD_LAYERS", "TILES_FILE"),
    },
    "evaluate": {
        *("MAP", "REFERENCE", "POLYGONS", "FIELD", "SAMPLE", "SAMPLE_FIELD", "SAMPLE_MAP"),
        *("RUN", "CLASSES"),
        *("PAPER_CONVENTION", "OVERWRITE", "OUTPUT_DIR"),
    },
    "draw_sample": {"MAP", "SIZE", "MINIMUM", "SEED", "CLASSES", "OVERWRITE", "SAMPLE"},
    "merge_reviews": {"COPIES", "OVERWRITE", "LOAD_LAYERS", "MERGED_FILE"},
    "review_report": {"CANDIDATES", "REPORT", "TABLE"},
    "export_review": {"CANDIDATES", "CATALOGUE", "ACCEPTED"},
    "prepare_tiles": {
        *("IMAGE", "DEM", "SOURCES", "EXTENT", "CRS", "LABELS", "LABEL_FIELD", "LABEL_CODES", "CLASSES"),
        *("IGNORED", "NAME", "GSD", "TILE", "MIN_LABELLED", "SPLIT", "VAL_SHARE", "TEST_SHARE", "BLOCK"),
        *("SEED", "OVERWRITE", "OUTPUT_DIR"),
    },
    "train": {
        *("CONFIG", "MODEL", "EPOCHS", "EXPERTS", "LOSS", "ENCODER", "PRETRAINED", "DEVICE"),
        *("LEARNING_RATE", "SET", "RESUME"),
    },
    "fit_aggregation": {"MODEL", "CONFIG", "SPLIT", "REFERENCE", "OVERWRITE", "OUTPUT"},
    "import_weights": {"CHECKPOINT", "OVERWRITE", "MODEL"},
    "model_info": {"MODEL"},
    "make_scene": {"SIZE", "SEED", "OVERWRITE", "LOAD_LAYERS", "OUTPUT_DIR"},
    "setup_backend": {"PYTHON", "REBUILD", "TRAINING"},
}
OUTPUTS = {
    "predict": {
        *EXPERTS,
        *("OUTPUT_DIR", "MAP", "EVIDENCE", "RUN_FILE", "LOGITS_FILE", "N_EXPERTS", "WINDOWS", "SECONDS"),
        *("DEVICE_USED", "PRECISION_USED"),
    },
    "flag_candidates": {
        *("CANDIDATES_FILE", "CANDIDATES", "RUN_DIR", "N_CANDIDATES", "N_DOUBTFUL", "PER_CLASS"),
        *("RANKED_BY", "MESSAGE"),
    },
    "fit_meta_classifier": {
        *("META", "REPORT_HTML", "REPORT_JSON", "AUC", "AUC_STD", "N_CANDIDATES", "N_TRUE"),
        *("AUC_DOUBTFUL", "N_DOUBTFUL", "N_FALSE", "MESSAGE"),
    },
    "rank_candidates": {"CANDIDATES_FILE", "N_CANDIDATES", "MESSAGE"},
    "apply_review": {"MAP", "CHANGE_LOG", "N_APPLIED", "N_PIXELS", "MESSAGE"},
    "explain": {"HEAT_MAP", "CLASS_NAME", "EXPERT_NAME", "LOGIT", "INSIDE", "SHARES", "MESSAGE"},
    "screen_tiles": {"TILES_FILE", "TILES", "N_TILES", "SECONDS", "RANKED_BY", "MESSAGE"},
    "evaluate": {
        *("OUTPUT_DIR", "REPORT_HTML", "REPORT_JSON", "CLASSES_CSV", "CONFUSION_CSV", "EXPERTS_CSV"),
        "PLACES_CSV",
        *("AREAS_CSV", "POINTS_CSV", "OA", "MACC", "MIOU", "ACC_HEAD", "ACC_BODY", "ACC_TAIL", "N_PIXELS"),
        *("OA_SAMPLE", "OA_SAMPLE_CI", "N_POINTS", "MESSAGE"),
    },
    "draw_sample": {"SAMPLE", "N_POINTS", "PER_CLASS"},
    "merge_reviews": {
        *("MERGED_FILE", "CANDIDATES", "DISAGREEMENTS", "N_DECISIONS", "N_DISAGREEMENTS", "MESSAGE"),
    },
    "review_report": {
        *("REPORT", "TABLE", "N_CANDIDATES", "N_DECIDED", "N_ACCEPTED", "N_FOUND", "N_THROWN_OUT"),
        *("PRECISION", "SHARE_FALSE", "AGREEMENT", "MESSAGE"),
    },
    "export_review": {"ACCEPTED", "N_ACCEPTED", "N_FOUND", "N_THROWN_OUT"},
    "prepare_tiles": {
        *("OUTPUT_DIR", "CONFIG", "REPORT_HTML", "N_TILES", "N_TRAIN", "N_VAL", "N_TEST", "N_CLASSES"),
        *("LABELLED_PIXELS", "NEIGHBOURS_PARTED", "MESSAGE"),
    },
    "train": {
        *("MODEL", "RUN_DIR", "MEAN_ACCURACY", "OVERALL_ACCURACY", "MEAN_IOU", "HEAD_ACCURACY"),
        *("BODY_ACCURACY", "TAIL_ACCURACY", "SCORED_ON", "BEST_EPOCH", "SECONDS", "DEVICE_USED"),
    },
    "fit_aggregation": {
        *(
            "OUTPUT",
            "MEAN_ACCURACY",
            "OVERALL_ACCURACY",
            "MEAN_IOU",
            "TAIL_ACCURACY",
            "REPLACES",
            "SCORED_ON",
        ),
        *("MEAN_ACCURACY_BEFORE", "OVERALL_ACCURACY_BEFORE", "MEAN_IOU_BEFORE", "TAIL_ACCURACY_BEFORE"),
    },
    "import_weights": {"MODEL"},
    "model_info": {"INFO", "NAME", "SHA256", "N_CLASSES", "N_EXPERTS", "SOURCES"},
    "make_scene": {"OUTPUT_DIR", "IMAGE", "DEM", "LABELS"},
    "setup_backend": {"PYTHON", "INFO"},
}
IDS = [algorithm.ID for algorithm in ALGORITHMS]


@pytest.fixture
def create(provider):
    return lambda name: QgsApplication.processingRegistry().createAlgorithmById(f"mce:{name}")


@pytest.mark.parametrize("name", IDS)
def test_declarations(create, name):
    algorithm = create(name)
    assert {p.name() for p in algorithm.parameterDefinitions()} == PARAMETERS[name]
    assert {o.name() for o in algorithm.outputDefinitions()} == OUTPUTS[name]
    assert algorithm.displayName() and algorithm.shortDescription() and algorithm.tags()
    assert algorithm.group() == ""
    assert not algorithm.icon().isNull()


def test_one_file_per_algorithm_named_after_it():
    files = {file.stem for file in (RESOURCES.parent / "plugin" / "algorithms").glob("[a-z]*.py")}
    assert files == {*IDS, *(model.ID for model in MODELS)}
    assert set(IDS) == PARAMETERS.keys()


@pytest.mark.parametrize("name", IDS)
def test_help_is_shown_as_html(create, name):
    text = (RESOURCES / "help" / f"{name}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {create(name).displayName()}\n")
    assert create(name).shortHelpString() == markdown_to_html(text)
    assert "**" not in create(name).shortHelpString() and "`" not in create(name).shortHelpString()
    assert text.isascii()


@pytest.mark.parametrize("name", IDS)
def test_enumerations_are_static_strings(create, name):
    algorithm = create(name)
    for parameter in algorithm.parameterDefinitions():
        if parameter.type() == "enum":
            assert parameter.usesStaticStrings()
            assert parameter.defaultValue() == parameter.options()[0]


def test_missing_backend_is_said_before_and_when_running(create, image, tmp_path):
    for algorithm in ALGORITHMS:
        ok, sentence = create(algorithm.ID).canExecute()
        assert ok == (not algorithm.NEEDS_BACKEND)
        assert ok or "Set up the backend" in sentence
    with pytest.raises(QgsProcessingException, match="Set up the backend"):
        processing.run("mce:predict", {"IMAGE": str(image), "OUTPUT_DIR": str(tmp_path / "out")})
    assert not (tmp_path / "out").exists()


def test_model_info(provider, fake_backend, feedback, tmp_path):
    bundle = tmp_path / "own.safetensors"
    bundle.touch()
    result = processing.run("mce:model_info", {"MODEL": str(bundle)}, feedback=feedback)
    assert result["N_CLASSES"] == 9 and result["N_EXPERTS"] == 3
    assert result["SOURCES"] == "image,dem"
    assert "9 classes" in feedback.said
    processing.run("mce:model_info", {})
    assert [request["parameters"] for request in fake_backend()] == [
        {"model": str(bundle)},
        {"model": "demo"},
    ]
    with pytest.raises(QgsProcessingException, match="absent.safetensors.*not a file"):
        processing.run("mce:model_info", {"MODEL": "absent.safetensors"})


def test_make_scene(provider, fake_backend, tmp_path):
    parameters = {"SIZE": 250, "SEED": 3, "OUTPUT_DIR": str(tmp_path / "scene"), "OVERWRITE": True}
    result = processing.run("mce:make_scene", parameters)
    assert result["IMAGE"] == str(tmp_path / "scene" / "image.tif")
    (request,) = fake_backend()
    assert request["job"] == "make_scene"
    assert request["parameters"] == {
        "output": str(tmp_path / "scene"),
        "size": 250.0,
        "seed": 3,
        "overwrite": True,
    }


def test_setup_keeps_a_backend_that_answers(provider, fake_backend, feedback):
    result = processing.run("mce:setup_backend", {}, feedback=feedback)
    assert result["PYTHON"] == str(backend.find_backend().python)
    assert "torch 2.13.0" in result["INFO"] and "cpu (2 threads)" in result["INFO"]
    assert "openvino" not in result["INFO"]
    assert backend.python_setting() == ""


def test_setup_checks_and_remembers_a_chosen_environment(provider, fake_backend, monkeypatch, tmp_path):
    monkeypatch.delenv(backend.VARIABLE)
    processing.run("mce:setup_backend", {"PYTHON": "/usr/bin/python3"})
    assert backend.find_backend() == backend.Backend(backend.Path("/usr/bin/python3"), "setting")
    backend.store_python(None)
    monkeypatch.setenv("FAKE_BACKEND_MODE", "crash")
    with pytest.raises(QgsProcessingException, match="No module named"):
        processing.run("mce:setup_backend", {"PYTHON": "/usr/bin/python3"})
    with pytest.raises(QgsProcessingException, match="not a Python"):
        processing.run("mce:setup_backend", {"PYTHON": str(tmp_path / "none")})
    with pytest.raises(QgsProcessingException, match="either PYTHON or REBUILD"):
        processing.run("mce:setup_backend", {"PYTHON": "/usr/bin/python3", "REBUILD": True})
    assert backend.python_setting() == ""


def test_setup_does_not_build_behind_the_variables_back(provider, fake_backend, monkeypatch):
    monkeypatch.setenv("FAKE_BACKEND_MODE", "crash")
    with pytest.raises(QgsProcessingException, match="MCE_LANDCOVER_PYTHON decides"):
        processing.run("mce:setup_backend", {})


def test_setup_builds_where_the_setting_fails_and_clears_it(provider, fake_backend, monkeypatch, feedback):
    from mce_landcover.plugin.algorithms import setup_backend

    monkeypatch.delenv(backend.VARIABLE)
    backend.store_python(backend.Path("/nowhere/python"))
    built = backend.Path("/built/python"), {"python": "3.12", "versions": {}, "devices": []}
    monkeypatch.setattr(setup_backend, "build_backend", lambda feedback, training: built)
    assert processing.run("mce:setup_backend", {}, feedback=feedback)["PYTHON"] == "/built/python"
    assert backend.python_setting() == ""
    assert any("/nowhere/python" in line for line in feedback.said)


def test_markdown():
    text = "# Title\nPara <1> with `a < b`\nand **bold**.\n\n- one\n  more\n- [two](https://example.org)\n"
    assert markdown_to_html(text) == (
        "<h2>Title</h2>\n<p>Para &lt;1&gt; with <code>a &lt; b</code> and <b>bold</b>.</p>\n"
        '<ul><li>one more</li><li><a href="https://example.org">two</a></li></ul>'
    )
