"""The house: one direction of imports, who may know whom, and what a component file looks like.

Every file is parsed, not imported, so an import inside a function counts like any other.
"""

import ast
import functools
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import einthoven
from einthoven import registry

SRC = Path(einthoven.__file__).parent
FILES = sorted(SRC.rglob("*.py"))
ORDER = (
    "metrics signals records drawing store labels datasets splits transforms layers models generators objectives "
    "training evaluation audit diagnosis pipeline studies report serve cli"
).split()
LEAVES = ("metrics", "signals", "layers")
NEVER = {
    "training": {"datasets", "models", "generators"},
    "evaluation": {"models", "generators", "training"},
}
WIRES = {"diagnosis", *ORDER[ORDER.index("pipeline") :]}
# Rooms whose public files are components, looked up by name.
REGISTRIES = "metrics signals labels datasets splits transforms models generators objectives audit studies cli".split()


def room_of(file: Path) -> str:
    """The room of a file; the files beside the rooms stand for themselves."""
    inside = file.relative_to(SRC)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


def name_of(file: Path) -> str:
    return str(file.relative_to(SRC))


@functools.cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imported(tree: ast.Module, package: str) -> set[str]:
    """All modules of ours that a module imports, wherever in it, as dotted names."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = (node.module or "") if not node.level else ".".join(package.split(".")[: 1 - node.level or None])
            base = f"{base}.{node.module}" if node.level and node.module else base
            found |= {f"{base}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module" and node.args:
            first = node.args[0]
            found |= {first.value} if isinstance(first, ast.Constant) else set()
    return {name for name in found if name.split(".")[0] == "einthoven"}


def rooms_in(tree: ast.Module, package: str) -> set[str]:
    """The rooms a module imports from: `registry` counts as one, the bare package as ''."""
    parts = {(name.split(".") + [""])[1] for name in imported(tree, package)}
    return {part if part in (*ORDER, "registry", "cli") else "" for part in parts}


def rooms_of(file: Path) -> set[str]:
    package = ".".join(["einthoven", *file.relative_to(SRC).parent.parts])
    return rooms_in(tree_of(file), package)


def package_of(room: str) -> list[Path]:
    return [file for file in FILES if room_of(file) == room]


def test_the_parser_of_this_test_sees_every_kind_of_import() -> None:
    text = """
import einthoven.models.naive
from einthoven import datasets
from einthoven.store._store import Store
from .. import labels
from ..splits import get
from . import sibling
def f():
    from einthoven.training import train
    importlib.import_module("einthoven.report")
"""
    want = {"models", "datasets", "store", "labels", "splits", "pipeline", "training", "report"}
    assert rooms_in(ast.parse(text), "einthoven.pipeline") == want


def test_every_room_has_its_place_and_none_is_a_cupboard() -> None:
    folders = {room_of(file) for file in FILES if len(file.relative_to(SRC).parts) > 1}
    assert folders <= set(ORDER)
    assert {"records", "datasets", "models", "pipeline"} <= folders
    assert not {"utils", "util", "common", "helpers", "misc"} & {
        part for f in FILES for part in f.with_suffix("").parts
    }


def test_the_registry_imports_nothing_of_ours() -> None:
    assert imported(tree_of(SRC / "registry.py"), "einthoven") == set()


@pytest.mark.parametrize("room", [room for room in ORDER if (SRC / room).is_dir()])
def test_a_room_imports_only_from_rooms_to_its_left(room: str) -> None:
    allowed = {"registry", room, *ORDER[: ORDER.index(room)]} | ({""} if room == "cli" else set())
    for file in package_of(room):
        assert rooms_of(file) <= allowed, f"{name_of(file)} imports {sorted(rooms_of(file) - allowed)}"


@pytest.mark.parametrize("room", LEAVES)
def test_a_leaf_imports_no_sibling(room: str) -> None:
    for file in package_of(room):
        assert rooms_of(file) <= {"registry", room}, name_of(file)


@pytest.mark.parametrize("room", NEVER)
def test_prohibited_acquaintances(room: str) -> None:
    assert package_of(room)
    for file in package_of(room):
        assert not rooms_of(file) & NEVER[room], name_of(file)


def test_only_some_rooms_wire_models_to_data() -> None:
    wiring = {room for room in ORDER if {"models", "datasets"} <= set().union(*map(rooms_of, package_of(room)), {room})}
    assert wiring <= WIRES, wiring - WIRES
    assert "pipeline" in wiring


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_module_opens_with_a_docstring(file: Path) -> None:
    assert ast.get_docstring(tree_of(file))


def exports(file: Path) -> list[str] | None:
    """The entries of `__all__`, or None."""
    for node in tree_of(file).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets):
            return [ast.literal_eval(entry) for entry in node.value.elts]  # type: ignore[attr-defined]
    return None


@pytest.mark.parametrize("file", [f for f in FILES if len(tree_of(f).body) > 1 and f.stem != "__main__"], ids=name_of)
def test_a_module_says_what_it_gives(file: Path) -> None:
    given = exports(file)
    assert given, "no __all__"
    assert len(set(given)) == len(given)
    first = [node for node in tree_of(file).body if not isinstance(node, ast.Expr)][0]
    assert isinstance(first, ast.Assign), "__all__ comes right after the docstring"


@pytest.mark.parametrize("room", REGISTRIES)
def test_a_component_file_has_one_entry_and_the_registry_finds_it(room: str) -> None:
    files = [file for file in package_of(room) if not file.stem.startswith("_")]
    assert {file.stem for file in files} == set(registry.names(room))
    for file in files:
        given = exports(file)
        assert given is not None and len(given) == 1, name_of(file)
        module = importlib.import_module(f"einthoven.{room}.{file.stem}")
        assert registry.get(room, file.stem) is getattr(module, given[0])


def test_no_module_is_longer_than_the_house_allows() -> None:
    long = {name_of(file): n for file in FILES if (n := len(file.read_text(encoding="utf-8").splitlines())) > 400}
    assert not long


def test_every_entry_of_the_package_exists() -> None:
    for name in einthoven.__all__:
        assert getattr(einthoven, name) is not None
    assert all(callable(getattr(einthoven, name)) for name in ("ECG", "read", "write", "plot", "run"))
    assert set(einthoven.__all__) == set(dir(einthoven))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = einthoven.nonsense


def test_help_imports_no_torch() -> None:
    code = (
        "import sys\nfrom einthoven.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'torch', 'scipy', 'sklearn', 'pandas', 'matplotlib'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))"
    )
    environment = {**os.environ, "PYTHONPATH": str(SRC.parent)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert "compile" in done.stdout and done.stdout.rstrip().endswith("heavy: []")


def test_the_module_runs_as_a_program() -> None:
    environment = {**os.environ, "PYTHONPATH": str(SRC.parent)}
    command = [sys.executable, "-X", "importtime", "-m", "einthoven", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    names = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "einthoven.cli" in names and "torch" not in names


def test_unknown_names_get_the_nearest_known_one() -> None:
    with pytest.raises(registry.UnknownName, match=r"unknown dataset 'ptbxI'; did you mean 'ptbxl'\?"):
        registry.get("datasets", "ptbxI")
    with pytest.raises(registry.UnknownName, match=r"known: a, b\."):
        registry.nearest("zzzzzz", ["b", "a"], "letter")
    with pytest.raises(registry.UnknownName, match="known: none"):
        registry.nearest("zzzzzz", [], "letter")
    assert registry.nearest("a", iter("ba"), "letter") == "a"
