"""`plugin/layers.py`: how the products of a run stand in the project once QGIS loads them."""

from pathlib import Path

import processing
import pytest
from conftest import write_raster
from mce_landcover.plugin import layers
from mce_landcover.plugin.layers import group_name, load_on_completion, place_products
from osgeo import gdal
from processing.gui.Postprocessing import handleAlgorithmResults
from qgis.core import (
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterRasterLayer,
    QgsProject,
    QgsRasterLayer,
)

QML = """<qgis version="3.40"><pipe><rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1">
<colorPalette><paletteEntry value="1" color="#123456" alpha="255" label="bedrock"/></colorPalette>
</rasterrenderer></pipe></qgis>"""


@pytest.fixture
def products(tmp_path) -> dict[str, str]:
    files = {}
    for name in ("evidence", "expert_2", "land_cover", "expert_10", "expert_1"):
        file = write_raster(tmp_path / f"{name}.tif")
        file.with_suffix(".qml").write_text(QML)
        files[name] = str(file)
    return files


@pytest.fixture
def load(provider, context):
    """Loads what `context` wants loaded, as the dialog of an algorithm does when it has run."""

    def load(feedback, parameters=None, context=context):
        algorithm = QgsApplication.processingRegistry().createAlgorithmById("mce:predict")
        assert handleAlgorithmResults(algorithm, context, feedback, parameters or {})
        return QgsProject.instance().layerTreeRoot()

    return load


def test_order_of_products(products):
    placed = place_products(products)
    assert [item.file.stem for item in placed] == [
        "land_cover",
        "expert_1",
        "expert_2",
        "expert_10",
        "evidence",
    ]
    assert [item.visible for item in placed] == [True, True, True, True, False]


def test_group_stands_above_the_inputs_with_the_map_on_top(load, context, feedback, products, tmp_path):
    dem = QgsRasterLayer(str(write_raster(tmp_path / "dem.tif")), "dem")
    QgsProject.instance().addMapLayer(dem)
    before = dem.renderer().type()
    load_on_completion(place_products(products), "MCE a", context, [Path(f) for f in products.values()])
    root = load(feedback)
    group, below = root.children()
    assert (group.name(), below.name()) == ("MCE a", "dem")
    nodes = group.children()
    assert [n.name() for n in nodes] == ["Land cover", "Expert 1", "Expert 2", "Expert 10", "Evidence"]
    assert [n.isVisible() for n in nodes] == [True, True, True, True, False]
    assert below.isVisible() and dem.renderer().type() == before
    for node in nodes:
        (entry,) = node.layer().renderer().classes()
        assert (entry.label, entry.color.name()) == ("bedrock", "#123456")


def test_evidence_is_a_heat_map_of_its_entropy(load, context, feedback, tmp_path):
    file = write_raster(tmp_path / "evidence.tif", bands=3)
    dataset = gdal.Open(str(file), gdal.GA_Update)
    for band, name in enumerate(("ML class (class id)", "Entropy", "Margin"), start=1):
        dataset.GetRasterBand(band).SetDescription(name)
    dataset.FlushCache()
    del dataset
    load_on_completion(place_products({"evidence": str(file)}), "MCE a", context, [file])
    renderer = load(feedback).children()[0].children()[0].layer().renderer()
    assert renderer.type() == "singlebandpseudocolor"
    assert renderer.inputBand() == 2
    items = renderer.shader().rasterShaderFunction().colorRampItemList()
    assert (items[0].value, items[-1].value) == (0.0, 1.0)


def test_chosen_destination_is_grouped_but_not_loaded_uncalled(load, context, feedback, products):
    own = QgsProcessingContext.LayerDetails("My map", QgsProject.instance(), "MAP")
    context.addLayerToLoadOnCompletion(products["land_cover"], own)
    load_on_completion(place_products(products), "MCE a", context, [])
    (group,) = load(feedback).children()
    assert [n.name() for n in group.children()] == ["My map"]


def test_chosen_destination_is_named_like_the_others(load, fake_backend, context, feedback, image, tmp_path):
    parameters = {
        "IMAGE": str(image),
        "OUTPUT_DIR": str(tmp_path / "out"),
        "MAP": QgsProcessingOutputLayerDefinition(str(tmp_path / "map.tif"), context.project()),
        "EXPERT_1": str(tmp_path / "one.tif"),
    }
    processing.run("mce:predict", parameters, context=context, feedback=feedback)
    (group,) = load(feedback, parameters).children()
    # Expert 1 went where the user said, without being asked for in the project.
    assert [n.name() for n in group.children()] == ["Land cover", "Expert 2", "Evidence"]
    assert group.children()[0].layer().source() == str(tmp_path / "map.tif")


def test_each_run_has_its_group(qgis_new_project):
    project = QgsProject.instance()
    assert group_name("a", project) == group_name("a", None) == "MCE land cover a"
    project.layerTreeRoot().addGroup("MCE land cover a")
    project.layerTreeRoot().addGroup("x").addGroup("MCE land cover a (2)")
    assert group_name("a", project) == "MCE land cover a (3)"


def test_run_wants_its_layers_loaded(load, fake_backend, context, feedback, image, tmp_path):
    parameters = {"IMAGE": str(image), "OUTPUT_DIR": str(tmp_path / "out")}
    processing.run("mce:predict", parameters, context=context, feedback=feedback)
    (group,) = load(feedback, parameters).children()
    assert group.name() == "MCE land cover ortho"
    assert [n.name() for n in group.children()] == ["Land cover", "Expert 1", "Expert 2", "Evidence"]
    assert group.children()[0].layer().renderer().classes()[0].label == "bedrock"


@pytest.mark.parametrize("mode", ["crash", "fail"])
def test_failed_run_loads_nothing(
    provider, fake_backend, context, feedback, image, tmp_path, monkeypatch, mode
):
    monkeypatch.setenv("FAKE_BACKEND_MODE", mode)
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("mce:predict")
    parameters = {"IMAGE": str(image), "OUTPUT_DIR": str(tmp_path / "out")}
    assert algorithm.run(parameters, context, feedback) == ({}, False)
    assert context.layersToLoadOnCompletion() == {}


def test_unwanted_layers_stay_out(provider, fake_backend, context, feedback, image, tmp_path):
    parameters = {"IMAGE": str(image), "OUTPUT_DIR": str(tmp_path / "out"), "LOAD_LAYERS": False}
    processing.run("mce:predict", parameters, context=context, feedback=feedback)
    assert context.layersToLoadOnCompletion() == {}


def test_stylers_live_until_they_are_forgotten(context, products):
    load_on_completion(place_products(products), "g", context, [Path(f) for f in products.values()])
    assert set(products.values()) <= layers._stylers.keys()
    layers.forget_stylers()
    assert not layers._stylers


def two_step_model(**values: str) -> QgsProcessingModelAlgorithm:
    """A model that maps an image and copies the map, chained by the output MAP alone; `values` are fixed."""
    model = QgsProcessingModelAlgorithm("Two steps", "")
    model.addModelParameter(QgsProcessingParameterRasterLayer("image"), QgsProcessingModelParameter("image"))
    source = QgsProcessingModelChildParameterSource
    first = QgsProcessingModelChildAlgorithm("mce:predict")
    first.setChildId("map")
    first.addParameterSources("IMAGE", [source.fromModelParameter("image")])
    for name, value in {"LOAD_LAYERS": False, **values}.items():
        first.addParameterSources(name, [source.fromStaticValue(value)])
    model.addChildAlgorithm(first)
    second = QgsProcessingModelChildAlgorithm("gdal:translate")
    second.setChildId("copy")
    second.addParameterSources("INPUT", [source.fromChildOutput("map", "MAP")])
    output = QgsProcessingModelOutput("copied")
    output.setChildOutputName("OUTPUT")
    output.setChildId("copy")
    second.setModelOutputs({"copied": output})
    model.addChildAlgorithm(second)
    valid, reasons = model.validate()
    assert valid, reasons
    return model


def test_models_chain_the_map(provider, fake_backend, context, feedback, image, tmp_path):
    target = tmp_path / "copied.tif"
    results, ok = two_step_model().run({"image": str(image), "copy:copied": str(target)}, context, feedback)
    assert ok, feedback.errors
    copied = QgsRasterLayer(str(target))
    assert copied.isValid()
    assert copied.dataProvider().block(1, copied.extent(), 20, 20).value(0, 19) == 19
    (request,) = fake_backend()
    assert request["parameters"]["image"] == str(image)
    assert "MAP" in results["CHILD_RESULTS"]["map"]
