"""The house: rooms are entered by their `__init__`, no circles, docstrings that are whole."""

from __future__ import annotations

import ast
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

import napari_olivine

ROOT = Path(napari_olivine.__file__).parent
ROOMS = sorted(path.parent for path in ROOT.rglob("__init__.py") if path.parent != ROOT)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    """Dotted name of a module or package."""
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


MODULES = {name_of(path): path for path in ROOT.rglob("*.py")}
PACKAGES = {name for name, path in MODULES.items() if path.name == "__init__.py"}


def imports_of(module: str) -> list[tuple[str, str]]:
    """What a module imports from this package: (module, name)."""
    return [
        (node.module, alias.name)
        for node in ast.walk(tree_of(MODULES[module]))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("napari_olivine")
        for alias in node.names
    ]


@cache
def public(package: str) -> dict[str, str]:
    """Public names of a room and the modules that they come from, as its stub says."""
    stub = MODULES[package].with_suffix(".pyi")
    if not stub.exists():
        return {}
    return {
        alias.name: f"{package}.{node.module}"
        for node in ast.parse(stub.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def room_of(module: str) -> str:
    return module if module in PACKAGES else module.rpartition(".")[0]


def home_of(module: str, name: str) -> str:
    """Module that an imported name comes from."""
    if f"{module}.{name}" in MODULES:
        return f"{module}.{name}"
    return public(module).get(name, module) if module in PACKAGES else module


@pytest.mark.parametrize("module", sorted(MODULES))
def test_other_rooms_are_entered_by_their_init(module: str) -> None:
    past = [
        f"{source} ({name})"
        for source, name in imports_of(module)
        if source not in PACKAGES
        and room_of(source) not in ("napari_olivine", room_of(module))
        and module not in PACKAGES
    ]
    assert not past, f"{module} goes past the __init__ of a room: {past}"


@pytest.mark.parametrize("room", ROOMS, ids=lambda path: name_of(path / "__init__.py"))
def test_every_public_name_is_there(room: Path) -> None:
    package = name_of(room / "__init__.py")
    for name in public(package):
        # A module of the same name would hide it as soon as it is imported.
        assert f"{package}.{name}" not in MODULES, f"{package}: {name} is also a module"
        assert hasattr(import_module(package), name)


def test_no_files_import_each_other_in_a_circle() -> None:
    graph = {
        module: {home_of(*source) for source in imports_of(module)} - {module} for module in MODULES
    }
    done: set[str] = set()

    def visit(module: str, road: tuple[str, ...]) -> None:
        assert module not in road, " -> ".join([*road[road.index(module) :], module])
        if module not in done:
            for source in sorted(graph.get(module, ())):
                visit(source, (*road, module))
            done.add(module)

    for module in sorted(graph):
        visit(module, ())


@pytest.mark.parametrize("module", sorted(set(MODULES) - PACKAGES))
def test_public_functions_say_what_they_take_and_give(module: str) -> None:
    """A function with three parameters or more describes each; what it returns has a section."""
    wrong = []
    for function, method in _public_functions(tree_of(MODULES[module])):
        parameters = [argument.arg for argument in _arguments(function)][method:]
        text = ast.get_docstring(function) or ""
        if len(parameters) < 3:
            continue
        if "Parameters\n----------" not in text:
            wrong.append(f"{function.name}: no Parameters")
            continue
        section = text.partition("Parameters\n----------\n")[2].partition("\n---")[0]
        missing = [name for name in parameters if not _described(name, section)]
        if missing:
            wrong.append(f"{function.name}: {', '.join(missing)} not described")
        if not method and _returns(function) and "Returns\n-------" not in text:
            wrong.append(f"{function.name}: no Returns")
    assert not wrong, f"{module}: {wrong}"


def _public_functions(tree: ast.Module) -> list[tuple[Function, bool]]:
    found: list[tuple[Function, bool]] = []
    for node in tree.body:
        if isinstance(node, Function) and not node.name.startswith("_"):
            found.append((node, False))
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            found += [
                (part, True)
                for part in node.body
                if isinstance(part, Function)
                and not part.name.startswith("_")
                and not any(
                    _is(mark, "staticmethod", "overload", "override")
                    for mark in part.decorator_list
                )
            ]
    return found


def _arguments(function: Function) -> list[ast.arg]:
    given = function.args
    return [*given.posonlyargs, *given.args, *given.kwonlyargs]


def _described(name: str, section: str) -> bool:
    headings = [line for line in section.splitlines() if line and not line.startswith(" ")]
    return any(name in line.replace("*", "").replace(",", " ").split() for line in headings)


def _returns(function: Function) -> bool:
    given = function.returns
    return given is not None and not (isinstance(given, ast.Constant) and given.value is None)


def _is(mark: ast.expr, *names: str) -> bool:
    return isinstance(mark, ast.Name) and mark.id in names
