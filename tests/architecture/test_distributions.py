"""What is installed: pins, the wheel's contents, and the light wheel without engines."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

import rankloop

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LIGHT = ROOT / "packaging" / "client"
ENGINES = ("duckdb", "litestar", "numpy", "pyarrow", "scipy", "sqlalchemy", "uvicorn", "rich")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def light_wheel(tmp_path_factory) -> zipfile.ZipFile:
    return build_wheel(LIGHT, tmp_path_factory.mktemp("light"))


def build_wheel(project: Path, folder: Path) -> zipfile.ZipFile:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(build, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def names_in(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~! ;]", line)[0].lower() for line in requirements}


def test_every_requirement_is_pinned_exactly():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    extras = PROJECT["optional-dependencies"].values()
    wanted = names_in(PROJECT["dependencies"]).union(*map(names_in, extras)) - {"rankloop"}
    assert all(re.fullmatch(r"[\w.\-]+==[\w.+]+", pin) for pin in pins)
    assert wanted - names_in(pins) == set()


def test_the_version_is_said_once():
    assert rankloop.__version__ == version("rankloop")


def test_the_wheel_carries_every_file_that_the_package_reads(wheel):
    kept = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "rankloop").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert kept - set(wheel.namelist()) == set()
    assert "rankloop/py.typed" in wheel.namelist()


def test_the_light_wheel_requires_no_engine():
    light = tomllib.loads((LIGHT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(light["dependencies"]) <= set(PROJECT["dependencies"])
    assert names_in(light["dependencies"]) == {"httpx2", "msgspec"}


def test_the_light_wheel_imports_with_the_engines_barred(light_wheel, tmp_path):
    light_wheel.extractall(tmp_path)
    modules = [
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in light_wheel.namelist()
        if name.endswith(".py")
    ]
    program = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
sys.modules.update(dict.fromkeys({ENGINES!r}))
import importlib
for module in {modules!r}:
    importlib.import_module(module)
import rankloop
print(rankloop.__file__)
try:
    rankloop.connect("./rankloop-data")
except rankloop.errors.InputError as error:
    print(error.hint)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    place, hint = done.stdout.splitlines()
    assert place.startswith(str(tmp_path))
    assert "pip install rankloop" in hint
