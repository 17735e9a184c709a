import json
from pathlib import Path

import numpy as np
import pytest
from mce_landcover.core.base.errors import InputError, OutputError
from mce_landcover.training.experiments.command import ExperimentSettings, read_settings
from mce_landcover.training.experiments.report import NONE, Outcome, Table, known_mean, machine, write_outcome

RUN = {
    "command": "python -m x",
    "reduction": "half",
    "seconds": 1.5,
    "machine": machine("cpu"),
    "settings": {},
}


def test_a_table_shows_numbers_of_one_length_and_dashes() -> None:
    table = Table("T", ("a", "b", "c"), [["x", 1, 0.12345], [2, None, float("nan")]], digits=3)
    lines = table.markdown().splitlines()
    assert lines[0] == "**T**"
    assert lines[2:] == [
        "| a | b | c |",
        "| --- | ---: | ---: |",
        "| x | 1 | 0.123 |",
        f"| 2 | {NONE} | {NONE} |",
    ]


def test_means_are_of_what_is_known() -> None:
    assert known_mean([1, None, float("nan"), 2]) == 1.5
    assert np.isnan(known_mean([None]))


def test_results_are_plain_json_and_the_markdown_says_how_they_were_made(tmp_path: Path) -> None:
    results = {"array": np.arange(3), "number": np.float64(0.5), "none": float("nan"), 7: (np.int64(1), True)}
    outcome = Outcome("Title", "lossy data", [Table("T", ("a",), [[1]])], results, ["It holds."])
    data, text = write_outcome(tmp_path / "out", "name", outcome, RUN)
    found = json.loads(data.read_text())["results"]
    assert found == {"array": [0, 1, 2], "number": 0.5, "none": None, "7": [1, True]}
    for word in ("# Title", "`python -m x`", "lossy data", "half", "torch", "It holds."):
        assert word in text.read_text()
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["name.json", "name.md"]


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match=r"Writing to .* failed"):
        write_outcome(tmp_path / "out", "name", Outcome("", "", [], {}), RUN)


class Included(ExperimentSettings):
    seeds: tuple[int, ...]
    runs: dict[str, int]
    tables: tuple[dict[str, str], ...]


def test_a_config_file_adds_to_the_one_that_it_includes(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "base.toml").write_text(
        'reduction = "much"\nseeds = [1, 2]\n[runs]\na = 1\nb = 2\n[[tables]]\nname = "II"\n'
    )
    own = 'include = "shared/base.toml"\nseeds = [3]\n[runs]\nb = 5\nc = 6\n[[tables]]\nname = "I"\n'
    (tmp_path / "own.toml").write_text(own)
    found = read_settings(tmp_path / "own.toml", Included, tmp_path)
    assert (found.reduction, found.seeds) == ("much", (3,))
    assert found.runs == {"a": 1, "b": 5, "c": 6}
    assert [table["name"] for table in found.tables] == ["I", "II"]
    (tmp_path / "own.toml").write_text('include = "nowhere.toml"')
    with pytest.raises(InputError, match=r"nowhere\.toml"):
        read_settings(tmp_path / "own.toml", Included, tmp_path)


def test_config_files_are_checked_at_the_door(tmp_path: Path) -> None:
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    (shipped / "small.toml").write_text('reduction = "much"\nseed = 3')
    assert read_settings(Path("small"), ExperimentSettings, shipped).seed == 3
    assert read_settings(shipped / "small.toml", ExperimentSettings, shipped).reduction == "much"
    for text, says in (
        ("reduction = 'x'\nsede = 3", "sede: Extra inputs"),
        ("seed = 3", "reduction: Field required"),
        ("reduction =", "not valid TOML"),
    ):
        (tmp_path / "bad.toml").write_text(text)
        with pytest.raises(InputError, match=says):
            read_settings(tmp_path / "bad.toml", ExperimentSettings, shipped)
    with pytest.raises(InputError, match="those shipped are small"):
        read_settings(Path("large"), ExperimentSettings, shipped)
