"""Who may import whom, and who may write: read from the source, so that no review has to."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "stepsaga"
LIMIT = 1000

# A module may import what stands to its right. `limits` and `errors` are open to all.
ALLOWED = {
    "limits": set(),
    "errors": set(),
    "graph": {"errors"},
    "drawing": {"errors", "graph"},
    "store": {"errors", "limits"},
    "runtime": {"errors", "limits", "store"},
    "asl": {"errors", "limits", "graph", "runtime"},
    "recovery": {"errors", "limits", "graph", "asl", "runtime", "store"},
    "checks": {"errors", "limits", "graph", "asl", "runtime"},
    "compat": {"errors", "limits", "graph", "checks", "asl", "runtime", "store"},
    "authoring": {"errors", "limits", "graph", "checks", "asl", "runtime"},
    "sam": {"errors", "limits", "graph", "asl", "runtime", "recovery"},
    "engines": {"errors", "limits", "graph", "asl", "runtime", "store", "sam", "recovery"},
    "client": {
        *("errors", "limits", "graph", "asl", "runtime", "store", "engines", "authoring"),
        "recovery",
    },
    "testing": {
        "errors",
        "limits",
        "graph",
        "asl",
        "runtime",
        "store",
        "engines",
        "authoring",
        "client",
        "recovery",
    },
}
# What a module may name besides, for the type checker and inside of functions: `Saga.start` needs
# a client, and whoever only writes sagas must not load one (see test_imports); a test that fails
# shows a timeline as the command line does.
LATER = {"authoring/saga.py": {"client"}, "testing/plugin.py": {"cli"}}
PARTS = {path.name.removesuffix(".py") for path in PACKAGE.iterdir()}
WRITES = {"put_item", "update_item", "delete_item", "batch_write_item", "transact_write_items"}


def sources(folder: Path) -> list[Path]:
    """Every Python file below a folder."""
    return sorted(folder.rglob("*.py"))


def layer_of(path: Path) -> str:
    """The part of the package that a file belongs to."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> set[str]:
    """The parts of stepsaga that a module names in imports, those for type checking included."""
    found: set[str] = set()
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            package, _, rest = name.partition(".")
            part = rest.partition(".")[0]
            if package == "stepsaga" and part in PARTS:
                found.add(part)
    return found


@pytest.mark.parametrize("layer", sorted(ALLOWED))
def test_layer_imports_only_what_it_may(layer: str) -> None:
    """Each layer imports the layers below it and nothing else."""
    wrong = {
        f"{path.relative_to(ROOT)} imports stepsaga.{name}"
        for path in sources(PACKAGE)
        if layer_of(path) == layer
        for name in imports(ast.parse(path.read_text())) - ALLOWED[layer] - {layer} - later(path)
    }
    assert not wrong


def later(path: Path) -> set[str]:
    """What a module may import when it is asked for, and not before."""
    return LATER.get(path.relative_to(PACKAGE).as_posix(), set())


@pytest.mark.parametrize("module", sorted(LATER))
def test_what_is_for_later_is_imported_later(module: str) -> None:
    """No statement that runs at import names what only a call may need."""
    tree = ast.parse((PACKAGE / module).read_text())
    at_once = ast.Module(
        [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], []
    )
    assert not imports(at_once) & LATER[module]
    assert LATER[module] <= imports(tree)


def test_every_layer_is_ruled() -> None:
    """A new part of the package cannot escape the table of layers."""
    assert {layer_of(path) for path in sources(PACKAGE)} - {"__init__", "cli"} <= set(ALLOWED)


def test_only_the_store_writes_events() -> None:
    """Nothing but the store calls a writing DynamoDB operation (rule 31)."""
    wrong = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.func.attr}"
        for path in sources(PACKAGE)
        if layer_of(path) != "store"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in WRITES
    }
    assert not wrong


def test_the_store_only_ever_puts() -> None:
    """The store never updates, deletes or batch-writes: its slots are written once (rule 31).

    The table of open sagas is another one, and holds no events.
    """
    wrong = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.attr}"
        for path in sources(PACKAGE / "store")
        if path.name != "open_sagas.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in WRITES - {"put_item"}
    }
    assert not wrong


@pytest.mark.parametrize("folder", ["stepsaga", "sagas", "handlers", "tools", "tests"])
def test_no_file_of_a_thousand_lines(folder: str) -> None:
    """A file that long has more than one subject."""
    long = {
        str(path.relative_to(ROOT)): count
        for path in sources(ROOT / folder)
        if (count := len(path.read_text().splitlines())) >= LIMIT
    }
    assert not long
