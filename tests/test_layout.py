"""The house: one direction of imports, doctests, no machine-dependent state."""

import ast
import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import flrdt.derive
import flrdt.evaluate

MODULES = [
    module.name
    for package in (flrdt.derive, flrdt.evaluate)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0


def test_derive_knows_neither_evaluate_nor_numerics():
    for path in Path(flrdt.derive.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else ([node.module or ""] if isinstance(node, ast.ImportFrom) else [])
            )
            for name in names:
                assert not name.startswith(("flrdt.evaluate", "numpy", "scipy", "flint", "mpmath")), path


def test_no_check_of_the_product_is_an_assert():
    """Python's -O leaves them out."""
    homes = [Path(package.__path__[0]) for package in (flrdt.derive, flrdt.evaluate)]
    sources = [path for home in homes for path in home.rglob("*.py")]
    found = [p for p in sources if any(isinstance(n, ast.Assert) for n in ast.walk(ast.parse(p.read_text())))]
    assert len(sources) > 150 and not found


def test_public_docstrings():
    for name in MODULES:
        module = importlib.import_module(name)
        assert module.__doc__, name
        for symbol in getattr(module, "__all__", []):
            value = getattr(module, symbol)
            assert not callable(value) or value.__doc__, f"{name}.{symbol}"


@pytest.mark.slow
def test_everything_runs_without_gmpy2():
    """mpmath picks gmpy2 up by itself; the pure Python integers must give the same digits."""
    code = (
        "import sys; sys.modules['gmpy2'] = None\n"
        "from mpmath.libmp import BACKEND; assert BACKEND == 'python', BACKEND\n"
        "from flrdt.evaluate import capacity\n"
        "print(capacity(2, 25, backend='mpmath').decimal)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    from flrdt.evaluate import capacity

    assert found.stdout.strip() == capacity(2, 25, backend="mpmath").decimal


def test_lowest_versions_are_those_declared():
    """The versions that are tested as the lowest ones are the floors of pyproject.toml, for every dependency."""
    import re
    import tomllib

    root = Path(__file__).parents[1]
    floors = tomllib.loads((root / "pyproject.toml").read_text())["project"]["dependencies"]
    lowest = dict(re.findall(r"^([\w-]+)==([\d.]+)$", (root / ".ci/lowest.txt").read_text(), re.M))
    for dependency in floors:
        name, version = re.match(r"([\w-]+)>=([\d.]+)", dependency).groups()
        assert [*map(int, lowest[name].split("."))][: version.count(".") + 1] == [*map(int, version.split("."))], name


def test_roles_in_docstrings_lead_somewhere():
    """A role names what the page of a module shows: a whole path, or what its own module or a class in it has."""
    import re

    lost = []
    for name in MODULES:
        module = importlib.import_module(name)
        classes = [value for value in vars(module).values() if isinstance(value, type)]
        for role, target in re.findall(
            r":(class|func|data|mod|meth|attr|exc):`~?([^`]+)`", Path(module.__file__).read_text()
        ):
            path = target.split(".")
            if path[0] != "flrdt":
                shown = getattr(module, "__all__", vars(module))
                inside = role in ("meth", "attr") and any(
                    hasattr(c, path[0]) or path[0] in getattr(c, "__annotations__", ()) for c in classes
                )
                found = path[0] in shown or inside
            else:
                home = next(
                    ".".join(path[:k]) for k in range(len(path), 0, -1) if ".".join(path[:k]) in {*MODULES, "flrdt"}
                )
                rest = path[home.count(".") + 1 :]
                found = not rest or rest[0] in getattr(importlib.import_module(home), "__all__", ())
            if not found:
                lost.append(f"{name}: {target}")
    assert lost == []
