"""Pages of the site that are made of other files: of the README and its like, and of the stubs."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "napari_olivine"
OF_THE_REPOSITORY = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing/index.md",
    "CHANGELOG.md": "changelog.md",
}
"""Files beside ``docs/`` and the pages that they become."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Give the API reference its place in the navigation: a page a room, in the order of work."""
    for entry in config.nav or []:
        if "API reference" in entry:
            entry["API reference"] = ["reference/index.md", *map(_page_of, _rooms())]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made here."""
    for name, page in OF_THE_REPOSITORY.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=_with_links(text, page, config)))
    files.append(File.generated(config, "reference/index.md", content=_overview()))
    for room in _rooms():
        files.append(File.generated(config, _page_of(room), content=_reference(room)))
    return files


def _with_links(text: str, page: str, config: MkDocsConfig) -> str:
    """Turn links that are right in the repository's root into links that are right on the page."""
    up = "../" * page.count("/")

    def turned(found: re.Match[str]) -> str:
        place, hash_, anchor = found[1].partition("#")
        if place in OF_THE_REPOSITORY:
            place = up + OF_THE_REPOSITORY[place]
        elif place.startswith("docs/"):
            place = up + place.removeprefix("docs/")
        else:
            place = f"{config.repo_url}/blob/main/{place}"
        return f"]({place}{hash_}{anchor})"

    return re.sub(r"\]\((?!https?:|#)([^)\s]+)\)", turned, text)


def _rooms() -> list[Path]:
    """Return packages with public names, rooms in rooms behind the room they are in."""
    return sorted(stub.parent for stub in PACKAGE.rglob("__init__.pyi"))


def _page_of(room: Path) -> str:
    return f"reference/{'.'.join(room.relative_to(PACKAGE).parts)}.md"


def _overview() -> str:
    """Return the first page of the reference: a line a room, and what every room uses."""
    lines = ["# Rooms", "", "| room | |", "| --- | --- |"]
    for room in _rooms():
        name = _page_of(room).removeprefix("reference/")
        lines += [f"| [{name.removesuffix('.md')}]({name}) | {_docstring(room).splitlines()[0]} |"]
    lines += ["", "What every room uses:", ""]
    for module in sorted(PACKAGE.glob("[!_]*.py")):
        lines += [f"::: napari_olivine.{module.stem}", ""]
    return "\n".join(lines)


def _docstring(room: Path) -> str:
    return ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8"))) or "-"


def _reference(room: Path) -> str:
    """Return the page of a room: its docstring, then each public name that its files define."""
    package = ".".join(room.relative_to(PACKAGE.parent).parts)
    lines = [f"# {package.partition('.')[2]}", "", _docstring(room), "", f"`import {package}`", ""]
    elsewhere = []
    for name, module in _public_names(room):
        if not (room / f"{module}.py").exists():
            elsewhere.append(f"`{name}`")
        elif _defines(room / f"{module}.py", name):
            lines += [f"::: {package}.{module}.{name}", ""]
    if elsewhere:
        lines += ["From the rooms in it: " + ", ".join(elsewhere)]
    return "\n".join(lines)


def _public_names(room: Path) -> list[tuple[str, str]]:
    stub = ast.parse((room / "__init__.pyi").read_text(encoding="utf-8"))
    return [
        (alias.name, node.module or "")
        for node in stub.body
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    ]


def _defines(module: Path, name: str) -> bool:
    """Whether a module defines a name by itself: not imported, not one of several in a line."""
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return True
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return True
    return False
