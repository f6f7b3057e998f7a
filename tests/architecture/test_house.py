"""The house is still the house: sizes, names, faces, arguments, arrows to faces."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "rankloop"
MODULES = sorted(PACKAGE.rglob("*.py"))
FACES = [path for path in MODULES if path.name == "__init__.py"]
FORBIDDEN_NAMES = {"utils", "util", "helpers", "common", "misc", "manager", "core", "lib"}


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(PACKAGE).as_posix() for path in paths]


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_a_module_fits_in_one_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_a_module_says_what_it_is_for(path):
    purpose = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert purpose, "no module docstring"
    assert purpose.splitlines()[0].endswith((".", "?"))


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_a_module_is_named_after_what_it_holds(path):
    assert path.stem not in FORBIDDEN_NAMES
    assert path.parent.name not in FORBIDDEN_NAMES


@pytest.mark.parametrize("path", FACES, ids=names(FACES))
def test_a_face_only_hands_names_on(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    allowed = (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign)
    assert all(isinstance(node, allowed) for node in tree.body)
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 40


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_a_function_fits_on_a_screen(path):
    long = {
        function.name: function.end_lineno - function.lineno + 1
        for function in functions(path)
        if function.end_lineno - function.lineno + 1 > 60
    }
    assert long == {}


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_a_function_takes_at_most_six_arguments(path):
    crowded = {}
    for function in functions(path):
        given = function.args
        arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs]
        n_arguments = sum(argument.arg not in {"self", "cls"} for argument in arguments)
        if n_arguments > 6:
            crowded[function.name] = n_arguments
    assert crowded == {}


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_folders_are_one_deep(path):
    place = path.relative_to(PACKAGE)
    assert len(place.parts) <= 2 or re.match(r"catalog/migrations/", place.as_posix())


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_a_module_imports_from_modules_not_from_faces(path):
    if path == PACKAGE / "__init__.py":
        pytest.skip("the package's own face")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = [name for node in ast.walk(tree) for name in imported_names(node)]
    ours = [name for name in imported if name.partition(".")[0] == "rankloop"]
    assert [n for n in ours if not is_module(n)] == []


def imported_names(node: ast.AST) -> list[str]:
    """List what an import hands over, as dotted modules: the origin where names are taken."""
    if isinstance(node, ast.Import):
        return [name.name for name in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        if is_module(node.module):
            return [node.module]
        return [f"{node.module}.{name.name}" for name in node.names]
    return []


def is_module(dotted: str) -> bool:
    return PACKAGE.parent.joinpath(*dotted.split(".")).with_suffix(".py").is_file()


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_nothing_is_waved_through(path):
    text = path.read_text(encoding="utf-8")
    assert "# type: ignore" not in text
    # A rule may be set aside for a line only with its name and, on the line, the reason.
    assert re.findall(r"# noqa(?!: [A-Z]+\d+(?:, ?[A-Z]+\d+)*\s+\S)", text) == []
    assert re.findall(r"#.*\b(?:TODO|FIXME|XXX)\b", text) == []


def test_the_environment_is_read_in_one_module_only():
    readers = [
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        if re.search(r"\bos\.(environ|getenv)\b", path.read_text(encoding="utf-8"))
    ]
    assert readers == ["settings.py"]


@pytest.mark.parametrize("module", ["rankloop", "rankloop.client", "rankloop.events"])
def test_what_applications_import_loads_no_engine(module):
    rooms = sorted(path.stem for path in (PACKAGE / module.rpartition(".")[2]).glob("*.py"))
    imports = "; ".join(
        [f"import {module}"]
        + [f"import {module}.{name}" for name in rooms if name != "__init__" and "." in module]
    )
    engines = {"duckdb", "litestar", "numpy", "pyarrow", "sqlalchemy", "scipy", "pandas", "uvicorn"}
    program = f"import sys; {imports}; print(*sorted({engines!r} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.split() == []
