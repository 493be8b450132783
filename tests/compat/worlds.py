"""Releases of a small project, written as texts: an old one, and one after it."""

from __future__ import annotations

import ast
import importlib
import linecache
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stepsaga.authoring import Saga, graph_of
from stepsaga.compat import compare
from stepsaga.compat.code import Deployment, ReleasedCode, SourceCode
from stepsaga.compat.releases import read_release, release_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from stepsaga.compat.findings import Finding
    from stepsaga.compat.releases import Release

MODULE = "shop_release"
IMPORTS = """\
from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, ClassVar

import shop
from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field
from stepsaga import (
    Approval, Callback, Choice, Event, Input, Map, Parallel, Participant, Retry, Saga, SagaContext,
    Step, when,
)
"""


def changed(text: str, change: str) -> str:
    """A module with what another text defines in its place; ``del`` takes away.

    What has a new name stands before the first saga.
    """
    new: dict[str, str] = {}
    gone: set[str] = set()
    for node in ast.parse(change).body:
        segment = ast.get_source_segment(change, node) or ""
        if isinstance(node, ast.Delete):
            gone |= {ast.unparse(target) for target in node.targets}
        else:
            new[_name(node)] = "\n".join([*_decorators(node), segment])
    parts: list[str] = []
    old = {_name(node) for node in ast.parse(text).body}
    for node in ast.parse(text).body:
        name = _name(node)
        if isinstance(node, ast.ClassDef) and "Saga" in map(ast.unparse, node.bases):
            parts += [one for other, one in new.items() if other not in old]
            old |= new.keys()
        if name not in gone:
            parts.append(new.get(name) or ast.get_source_segment(text, node) or "")
    return "\n\n\n".join(parts) + "\n"


def _name(node: ast.stmt) -> str:
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0])
    return str(getattr(node, "name", ast.unparse(node)))


def _decorators(node: ast.stmt) -> list[str]:
    return [f"@{ast.unparse(one)}" for one in getattr(node, "decorator_list", ())]


@contextmanager
def deployed(folder: Path, text: str) -> Iterator[Mapping[str, Release]]:
    """A module of sagas and handlers that can be imported for as long as the context lasts."""
    file = folder / f"{MODULE}.py"
    file.write_text(f"{IMPORTS}\n\n{text}", "utf-8")
    for name in (MODULE, "shop"):
        sys.modules.pop(name, None)
    importlib.invalidate_caches()
    linecache.checkcache()
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    sys.path.insert(0, str(folder))
    try:
        module = importlib.import_module(MODULE)
        sagas = [
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, Saga) and value is not Saga
        ]
        yield {saga.__name__: release_of(graph_of(saga)) for saga in sagas}
    finally:
        sys.path.remove(str(folder))
        sys.dont_write_bytecode = before
        for name in (MODULE, "shop"):
            sys.modules.pop(name, None)


def compared(folder: Path, before: str, after: str, *, committed: bool = False) -> list[Finding]:
    """What a release means for one before it.

    Args:
        folder: Where modules are written.
        before: The text of the old module.
        after: That of the new one.
        committed: Whether the new one is known by its committed form alone.
    """
    with deployed(folder, before) as old:
        texts = [text_of(release) for release in old.values()]
    with deployed(folder, after) as new:
        code = ReleasedCode(new.values()) if committed else SourceCode()
        return compare([read_release(text, "it") for text in texts], Deployment(new, code))
