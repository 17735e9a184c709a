"""What the site has besides `docs/`: help pages, reports, CONTRIBUTING and CHANGELOG are taken from where
they lie; commands, the list of algorithms and the Python API are written from the code. A hook of mkdocs, see
`mkdocs.yml`.

Links between pages are links between files of the repository, so that they work there as well; here they are
turned into links between pages of the site.
"""

import json
import posixpath
import re
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args, get_origin

from mce_landcover.service.cli import app
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
#: Top-level packages whose Python API is shown; those that are not there are left out.
API_PACKAGES = ("core", "service", "scene", "training")
Config = Any


def borrowed() -> dict[str, str]:
    """Return files outside of `docs/` that are pages or pictures of the site: path in the repository -> in
    the site."""
    places = {"CONTRIBUTING.md": "developing/contributing.md", "CHANGELOG.md": "developing/changelog.md"}
    for file in _files("resources/help"):
        places[file] = f"reference/algorithms/{PurePosixPath(file).name}"
    for file in _files("training/experiments", "*/reports/*.md"):
        _, _, experiment, _, name = PurePosixPath(file).parts
        places[file] = f"science/reports/{experiment}/{name}"
    for file in _files("training/experiments", "*/reports/*.html"):
        _, _, experiment, _, name = PurePosixPath(file).parts
        places[file] = f"science/reports/{experiment}/pages/{name}"
    return places


def on_config(config: Config) -> Config:
    """Link the packages of the API under the name that they are imported by."""
    package = ROOT / "build" / "api" / "mce_landcover"
    package.mkdir(parents=True, exist_ok=True)
    for name in ("__init__.py", *API_PACKAGES):
        link = package / name
        link.unlink(missing_ok=True)
        if (ROOT / name).exists():
            link.symlink_to(ROOT / name)
    return config


def on_files(files: Files, config: Config) -> Files:
    """Add the pages that do not lie in `docs/`, and list them in the navigation."""
    for path, place in borrowed().items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / path)))
    for package in api_packages():
        place = f"reference/api/{package}.md"
        files.append(File.generated(config, place, content=api_page(package)))
    pages = sorted((file.src_uri for file in files.documentation_pages()), key=_place)
    config.nav = _filled(config.nav, pages)
    return files


def on_page_markdown(markdown: str, page: Page, config: Config, files: Files) -> str:  # noqa: ARG001
    """Append what is generated, and let links lead to where files are in the site."""
    here = page.file.src_uri
    if here == "reference/commands.md":
        markdown += "\n" + "\n".join(command_text(name) for name in command_names())
    elif here == "reference/algorithms/index.md":
        markdown += "\n" + algorithm_list()
    elif here == "reference/protocol.md":
        markdown += "\n" + job_parameters()
    places = borrowed()
    origins = {place: path for path, place in places.items()}
    if here in origins and here.startswith("reference/algorithms/"):
        markdown = _linked_titles(markdown, here)
    return _relinked(markdown, origins.get(here, f"docs/{here}"), here, places)


def on_page_content(html: str, page: Page, config: Config, files: Files) -> str:  # noqa: ARG001
    """Let docstrings that cite the page of methods lead to it."""
    link = f'<a href="{_relative("science/methods.html", page.file.src_uri)}">methods</a>'
    return html.replace("docs/science/methods.md", link)


def help_titles() -> dict[str, str]:
    """Return the titles of the help pages: title -> name of the file."""
    pages = (ROOT / path for path in _files("resources/help", "*.md"))
    return {page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# "): page.name for page in pages}


def algorithm_list() -> str:
    """Return one line per help page: title, id, and the first sentence of its help."""
    lines = ["| algorithm | id | what it does |", "|---|---|---|"]
    for title, name in help_titles().items():
        text = (ROOT / "resources" / "help" / name).read_text(encoding="utf-8")
        first = " ".join(text.split("\n\n")[1].split())
        sentence = re.split(r"(?<=[.:]) ", first)[0].rstrip(":.")
        id_ = "the dock" if name == "review.md" else f"`mce:{name.removesuffix('.md')}`"
        lines.append(f"| [{title}](../../../resources/help/{name}) | {id_} | {sentence}. |")
    return "\n".join(lines) + "\n"


def command_names() -> list[str]:
    """Return the commands in the order of the command line's help."""
    return list(_group().commands)


def command_text(name: str) -> str:
    """Return a command as Markdown: what it does, its arguments and options."""
    command = _group().commands[name]
    arguments = [p for p in command.params if not p.opts[0].startswith("-")]
    options = [p for p in command.params if p.opts[0].startswith("-") and not p.hidden]
    needed = [f"{p.opts[-1]} {_value(p)}" for p in options if p.required]
    optional = ["[OPTIONS]"] if len(needed) < len(options) else []
    usage = " ".join(["mce-landcover", name, *map(_value, arguments), *needed, *optional])
    rows = [f"| `{_spelled(p)}` | {_said(p)} |" for p in (*arguments, *options)]
    return "\n".join(
        [f"## {name}\n", f"{command.help}\n", f"```\n{usage}\n```\n", "| option | |", "|---|---|", *rows, ""]
    )


def job_parameters() -> str:
    """Return a section per job with its parameters, from what the jobs export."""
    exported = ROOT / "resources" / "jobs.json"
    jobs = json.loads(exported.read_text(encoding="utf-8")) if exported.is_file() else {}
    blocks = ["## Parameters of the jobs"] if jobs else []
    for job, parameters in jobs.items():
        rows = [f"| `{name}` | {_allowed(said)} |" for name, said in parameters.items()]
        blocks += [f"### {job}", "\n".join(["| parameter | |", "|---|---|", *rows]) if rows else "None."]
    return "\n\n".join(blocks) + "\n"


def _allowed(said: dict[str, Any]) -> str:
    """Return type, limits, choices and default of a parameter in words."""
    limits = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    words = [said["type"], *(f"{word} {said[key]}" for key, word in limits.items() if key in said)]
    if "choices" in said:
        words.append("one of " + ", ".join(f"`{choice}`" for choice in said["choices"]))
    if said.get("required"):
        words.append("**needed**")
    elif said.get("default") not in (None, "", [], {}):
        words.append(f"default `{json.dumps(said['default'])}`")
    return ", ".join(words)


def api_packages() -> list[str]:
    """Return the packages of the API, such as `core.mapping`, in the order of the folders."""
    found = []
    for name in API_PACKAGES:
        for init in sorted((ROOT / name).rglob("__init__.py")):
            found.append(".".join(init.parent.relative_to(ROOT).parts))
    return [package for package in found if _modules(package)]


def api_page(package: str) -> str:
    """Return the page of a package: its docstring, then every module of it."""
    folder = package.replace(".", "/")
    blocks = [f"# {package}", _documented(package, members="false")]
    for module in _modules(package):
        blocks += [f"## {folder}/{module}.py", _documented(f"{package}.{module}", heading_level="3")]
    return "\n\n".join(blocks)


def _documented(module: str, **options: str) -> str:
    """Return what mkdocstrings replaces by the docstrings of a module, which has a heading already."""
    options |= {"show_root_heading": "false", "show_root_toc_entry": "false"}
    lines = [f"      {name}: {value}" for name, value in options.items()]
    return "\n".join([f"::: mce_landcover.{module}", "    options:", *lines])


def _modules(package: str) -> list[str]:
    files = ROOT.joinpath(*package.split(".")).glob("*.py")
    return sorted(file.stem for file in files if not file.stem.startswith("_"))


def _group() -> Any:
    from typer.main import get_command

    return get_command(app)


def _value(parameter: Any) -> str:
    """Return what stands for the value of a parameter: a word, or its choices."""
    kind = parameter.type_descriptor.annotation
    choices = "|".join(map(str, get_args(kind))) if get_origin(kind) is Literal else ""
    return str(parameter.metavar or choices or parameter.name.upper())


def _spelled(parameter: Any) -> str:
    """Return how a parameter is written."""
    text = "/".join((*parameter.opts, *parameter.secondary_opts))
    if not parameter.opts[0].startswith("-"):
        text = _value(parameter)
    elif not getattr(parameter, "is_flag", False):
        text += f" {_value(parameter)}"
    return text


def _said(parameter: Any) -> str:
    text = (getattr(parameter, "help", None) or "").replace("|", "\\|")
    default = parameter.default
    told = "default" in text.casefold()
    if parameter.required:
        text += " **Needed.**"
    elif default not in (None, False, (), []) and not told:
        text += f" Default: `{default}`."
    return text.strip()


def _files(folder: str, pattern: str = "*") -> list[str]:
    return [
        file.relative_to(ROOT).as_posix() for file in sorted((ROOT / folder).glob(pattern)) if file.is_file()
    ]


def _filled(nav: Any, pages: list[str]) -> Any:
    """Return the navigation with every folder, a text that ends in `/`, replaced by its pages."""
    if isinstance(nav, dict):
        return {title: _filled(value, pages) for title, value in nav.items()}
    if not isinstance(nav, list):
        return nav
    out = []
    for entry in nav:
        is_folder = isinstance(entry, str) and entry.endswith("/")
        out += [page for page in pages if page.startswith(entry)] if is_folder else [_filled(entry, pages)]
    return out


def _place(page: str) -> tuple[bool, list[str]]:
    """Return what pages are sorted by: the index first, a package before the packages in it."""
    stem = PurePosixPath(page).stem
    return stem != "index", stem.split(".")


def _linked_titles(markdown: str, here: str) -> str:
    """Let the quoted title of another help page be a link to it."""
    titles = help_titles()

    def link(found: re.Match[str]) -> str:
        name = titles.get(found[1].replace("\n", " "))
        return f'"[{found[1]}]({name})"' if name and not here.endswith(f"/{name}") else found[0]

    return re.sub(r'"([^"]+)"', link, markdown)


def _relinked(markdown: str, origin: str, here: str, places: dict[str, str]) -> str:
    """Turn the relative links of a file of the repository into links between pages of the site."""

    def moved(found: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(origin), found[2]))
        place = path.removeprefix("docs/") if path.startswith("docs/") else places.get(path)
        return found[0] if place is None else found[1] + _relative(place, here)

    return re.sub(r"(\]\()(?!\w+:|#|/)([^)#\s]+)", moved, markdown)


def _relative(place: str, here: str) -> str:
    """Return the way from one page of the site to another."""
    return posixpath.relpath(place, posixpath.dirname(here) or ".")
