"""`plugin/*parameters.py`: rows declare what the jobs export, and hand on all that a job takes."""

import pytest
from mce_landcover.plugin.layer_parameters import parse_sources
from mce_landcover.plugin.parameters import Choice, Number, default_of, jobs
from mce_landcover.plugin.provider import ALGORITHMS
from qgis.core import QgsProcessingParameterNumber

RUNNING_JOBS = [algorithm for algorithm in ALGORITHMS if algorithm.ID in jobs()]
#: Fields that an algorithm fills in itself, from several parameters.
COMPOSED = {"predict": {"destinations"}}


@pytest.mark.parametrize("algorithm", RUNNING_JOBS, ids=lambda algorithm: algorithm.ID)
def test_every_field_of_the_job_is_read_from_a_parameter(algorithm):
    fields = [row.job_field for row in algorithm().rows() if row.job_field]
    assert len(fields) == len(set(fields))
    assert set(fields) | COMPOSED.get(algorithm.ID, set()) == jobs()[algorithm.ID].keys()


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: algorithm.ID)
def test_numbers_and_choices_keep_within_what_the_job_takes(algorithm, provider):
    declared = provider.algorithm(algorithm.ID)
    for row in algorithm().rows():
        known = row.known(declared)
        definition = declared.parameterDefinition(row.name)
        assert definition.description() == row.title
        if isinstance(row, Number):
            assert definition.defaultValue() == known.get("default")
            assert definition.minimum() >= known.get("minimum", known.get("above"))
            most = known.get("maximum", known.get("below"))
            assert most is None or definition.maximum() <= most
        elif isinstance(row, Choice) and known.get("choices"):
            assert definition.options() == [*filter(None, [row.unset]), *known["choices"]]
            assert definition.defaultValue() == (row.unset or known["default"])


def test_a_whole_number_above_a_bound_starts_at_the_next_one(provider):
    epochs = provider.algorithm("train").parameterDefinition("EPOCHS")
    assert jobs()["train"]["epochs"]["above"] == 0
    assert isinstance(epochs, QgsProcessingParameterNumber)
    assert epochs.minimum() == 1


def test_a_default_is_that_of_the_job():
    assert default_of("screen_tiles", "model") == "screen"


def test_source_list():
    assert parse_sources("") == parse_sources(" ; \n;") == {}
    assert parse_sources("a=/x=y.tif;b=C:\\z.tif;a=w") == {"a": ("/x=y.tif", "w"), "b": ("C:\\z.tif",)}
    for text in ("a", "a=", "=b", "A=b", "1a=b", "a b=c", "dem=x"):
        with pytest.raises(ValueError, match="SOURCES"):
            parse_sources(text)
