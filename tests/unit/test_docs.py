"""The pages of the repository hold together: links lead somewhere, every job is described, and what the code
cites is there. `make docs` checks the site itself."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from mce_landcover.service.jobs import JOB_TABLE

ROOT = Path(__file__).resolve().parents[2]
HELP = ROOT / "resources" / "help"
PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        *(ROOT / "docs").rglob("*.md"),
        *HELP.glob("*.md"),
    ]
)
#: Its headings are written when the site is built, one per command.
COMMANDS = ROOT / "docs" / "reference" / "commands.md"
METHODS = ROOT / "docs" / "science" / "methods.md"
CODE = ("core", "service", "scene", "training", "plugin", "tests", "scripts")


def prose(page: Path) -> str:
    """The text of a page without its code blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def headings(page: Path) -> list[str]:
    return re.findall(r"^#+ +(.+)$", prose(page), flags=re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """What links to headings are called, as mkdocs and GitHub call them both."""
    if page == COMMANDS:
        return {command(job) for job in JOB_TABLE}
    plain = (re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in headings(page))
    return {re.sub(r"\s", "-", text) for text in plain}


def links(page: Path) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if not re.match(r"\w+:", target):
            yield target


def command(job: str) -> str:
    return job.replace("_", "-")


def citations() -> Iterator[tuple[str, str]]:
    """File and the words after each mention of the page of methods, on one line."""
    for folder in CODE:
        for file in (ROOT / folder).rglob("*.py"):
            text = " ".join(file.read_text(encoding="utf-8").replace("#:", " ").split())
            for found in re.finditer(r"docs/science/methods\.md", text):
                if file != Path(__file__):
                    yield file.name, text[found.end() : found.end() + 60]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_and_picture_is_there(page: Path) -> None:
    for target in links(page):
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.is_file(), f"{target} leads nowhere"
        if anchor:
            assert anchor in anchors(file), f"{target}: no such heading"


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize("job", JOB_TABLE)
def test_every_job_is_described(job: str) -> None:
    guide = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md"))
    described = re.search(rf"mce-landcover {command(job)}\b", guide)
    assert (HELP / f"{job}.md").is_file() or described


def test_what_is_cited_of_the_methods_is_there() -> None:
    said = headings(METHODS)
    cited = list(citations())
    assert cited
    for file, after in cited:
        numbers = re.match(r",? sections? (\d)(?: and (\d))?", after)
        for number in filter(None, numbers.groups() if numbers else ()):
            assert any(heading.startswith(f"{number}. ") for heading in said), f"{file}: section {number}"
        named = re.match(r',? section \d, "([^"]+)"', after)
        assert named is None or named[1] in said, f"{file}: {named and named[1]}"


@pytest.mark.parametrize("folder", CODE)
def test_nothing_cites_a_page_outside_of_the_repository(folder: str) -> None:
    outside = re.compile(r"\b(METHODS|DESIGN|STYLE|HOUSE)\.md")
    files = [file for file in (ROOT / folder).rglob("*.py") if file != Path(__file__)]
    assert [file.name for file in files if outside.search(file.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("page", sorted(HELP.glob("*.md")), ids=lambda page: page.stem)
def test_help_pages_have_a_title_and_a_first_sentence(page: Path) -> None:
    title, blank, first = page.read_text(encoding="utf-8").splitlines()[:3]
    assert title.startswith("# ") and not blank and first[0].isupper()
