"""Which files of a project a module needs: its imports, followed, without running anything."""

from __future__ import annotations

import ast
import hashlib
from typing import TYPE_CHECKING, Final

import stepsaga
from stepsaga.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

PARTS: Final = ("errors", "limits", "runtime", "store")
"""What of stepsaga runs inside Lambda."""
SHIPPED: Final = (
    *("__init__.py", "errors.py", "limits.py", "py.typed", "runtime", "store"),
    *("graph.py", "asl", "recovery"),
)
"""The files of that, which are in the layer; behind them those of recovery, which plans anew."""
COMPILED: Final = ("__pycache__", ".pyc")


def closure(root: Path, modules: Iterable[str]) -> tuple[Path, ...]:
    """The project's files that these modules need, relative to the project, sorted.

    Imports are read from the source, inside of functions and conditions too, those for type
    checking alone left out: what a function does not load it need not carry. What a module imports
    by a computed name is not seen; name such files in `Participant.files`.

    Args:
        root: The project.
        modules: Their names: ``handlers.payments``.

    Raises:
        DeploymentError: A module is not in the project or is no Python, or needs a part of stepsaga
            that does not run inside Lambda.
    """
    found: dict[Path, None] = {}
    waiting = sorted(modules)
    for module in waiting:
        if not is_here(root, module):
            raise DeploymentError(
                f"{module} is no module of this project: handlers are packed from its files, so"
                " move it here, or write handlers here that call it"
            )
    seen: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        for part in _parents(module):
            file = _file_of(root, part)
            if file is not None and file not in found:
                found[file] = None
                waiting += _imports(file, part, root)
    return tuple(sorted(file.relative_to(root) for file in found))


def is_here(root: Path, module: str) -> bool:
    """Whether a module is a file of the project."""
    return _file_of(root, module) is not None


def globbed(root: Path, module: str, patterns: Iterable[str]) -> set[Path]:
    """The project's files that a participant names, relative to the project.

    Raises:
        DeploymentError: A pattern leads out of the project, or finds nothing.
    """
    found: set[Path] = set()
    for pattern in patterns:
        try:
            outside = ".." in pattern.replace("\\", "/").split("/")
            files = set() if outside else {file for file in root.glob(pattern) if file.is_file()}
        except (ValueError, NotImplementedError, IndexError):
            outside, files = True, set()
        if outside:
            raise DeploymentError(
                f"{module}: files: {pattern!r} is no path in the project: write it from the"
                " project's folder, as in 'handlers/rates/*.json'"
            )
        # Compiled files differ from machine to machine, and so would the digest.
        kept = {file for file in files if not str(file).endswith(COMPILED[1])}
        if not kept:
            raise DeploymentError(f"{module}: files: nothing in the project is called {pattern!r}")
        found |= {file.relative_to(root) for file in kept}
    return found


def digest_of(root: Path, files: Iterable[Path]) -> str:
    """A SHA-256 over paths and contents."""
    total = hashlib.sha256()
    for file in sorted(files, key=lambda path: path.as_posix()):
        content = hashlib.sha256((root / file).read_bytes()).hexdigest()
        total.update(f"{file.as_posix()} {content}\n".encode())
    return total.hexdigest()


def shipped_files(package: Path) -> tuple[Path, ...]:
    """The files of stepsaga that are in the layer, relative to the package's folder, sorted."""
    found: list[Path] = []
    for name in SHIPPED:
        place = package / name
        found += list(place.rglob("*.py")) if place.is_dir() else [place]
    return tuple(sorted(file.relative_to(package) for file in found))


def _parents(module: str) -> Iterator[str]:
    """A module and the packages that are imported before it: ``handlers``, ``handlers.models``."""
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        yield ".".join(parts[:count])


def _file_of(root: Path, module: str) -> Path | None:
    parts = module.split(".")
    if not all(part.isidentifier() for part in parts):
        return None
    place = root.joinpath(*parts)
    for file in (place / "__init__.py", place.with_suffix(".py")):
        if file.is_file():
            return file
    return None


def _imports(file: Path, module: str, root: Path) -> list[str]:
    """The names of the project's modules that a file may load, and of much that is none."""
    place = file.relative_to(root).as_posix()
    try:
        tree = ast.parse(file.read_bytes(), place)
    except SyntaxError as error:
        raise DeploymentError(f"{place}:{error.lineno}: {error.msg}") from error
    except ValueError as error:  # null bytes, until Python 3.12
        raise DeploymentError(f"{place}: {error}") from error
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    names: list[str] = []
    for node in _runtime_nodes(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (base := _base(node, package)):
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    for name in names:
        _refuse_compiler(name, place)
    return [name for name in names if not _ours(name)]


def _ours(name: str) -> bool:
    return name.partition(".")[0] == "stepsaga"


def _base(node: ast.ImportFrom, package: str) -> str:
    """What an import is relative to; nothing where that would be above the top."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    kept = parts[: max(len(parts) - node.level + 1, 0)]
    return ".".join([*kept, *([node.module] if node.module and kept else [])])


def _runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that stand there for a type checker."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and _is_type_checking(node.test):
            waiting += node.orelse
        elif isinstance(node, ast.If) and _is_not_type_checking(node.test):
            waiting += node.body
        else:
            waiting += ast.iter_child_nodes(node)


def _is_type_checking(test: ast.expr) -> bool:
    name = test.id if isinstance(test, ast.Name) else ""
    name = test.attr if isinstance(test, ast.Attribute) else name
    return name == "TYPE_CHECKING"


def _is_not_type_checking(test: ast.expr) -> bool:
    negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    return negated and _is_type_checking(test.operand)  # type: ignore[attr-defined]  # seen above


def _refuse_compiler(name: str, place: str) -> None:
    part = name.partition(".")[2].partition(".")[0]
    if _ours(name) and part and not _in_lambda(part):
        raise DeploymentError(
            f"{place} imports stepsaga.{part}, and a Lambda function needs the file: the compiler"
            " and what goes with it are not in the layer. Move what the handlers share with the"
            " sagas, their models say, to a module that does not need it"
        )


def _in_lambda(part: str) -> bool:
    """Whether a name of stepsaga is a part that is shipped, or comes from one."""
    home = stepsaga._HOMES.get(part, f"stepsaga.{part}")  # noqa: SLF001  # ours
    return home.split(".")[1] in PARTS
