"""The sagas of a project: everything that the modules of its package ``sagas`` define."""

from __future__ import annotations

import importlib
import pkgutil
import sys
import traceback
from contextlib import redirect_stdout
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stepsaga.asl.names import snake
from stepsaga.authoring import Saga
from stepsaga.errors import DefinitionError, Problem, StepsagaError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

PACKAGE: Final = "sagas"


class ProjectError(StepsagaError):
    """A module of the project cannot be imported."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A module that cannot be imported: where it broke, and why."""

    module: str
    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text} (importing {self.module})"


@dataclass(frozen=True, slots=True)
class Found:
    """What a project has. A saga with problems is no class, and so only in ``problems``."""

    sagas: tuple[type[Saga], ...]
    problems: tuple[Problem, ...]
    broken: tuple[Broken, ...]

    def sound(self) -> tuple[type[Saga], ...]:
        """The sagas, where nothing is wrong with any.

        Raises:
            DefinitionError: A saga has problems.
            ProjectError: A module cannot be imported.
        """
        self._complain()
        return self.sagas

    def named(self, name: str) -> type[Saga]:
        """One saga, whatever is wrong with others.

        Raises:
            DefinitionError, ProjectError: It is not there, and something that may be it is wrong.
            UsageError: It is not there.
        """
        by_name = {saga.__name__: saga for saga in self.sagas}
        if name in by_name:
            return by_name[name]
        self._complain()
        close = get_close_matches(name, by_name, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(sorted(by_name))}"
        raise UsageError(f"no saga is called {name!r} in ./{PACKAGE}; {hint}")

    def _complain(self) -> None:
        if self.problems:
            raise DefinitionError(self.problems)
        if self.broken:
            raise ProjectError("\n".join(map(str, self.broken)))


def find_sagas(root: Path) -> Found:
    """Import every module of ``sagas`` below a folder, which becomes importable.

    Raises:
        UsageError: There is no such package, it has no sagas, or two of one name.
    """
    package = _package(root)
    sagas: list[type[Saga]] = []
    problems: list[Problem] = []
    broken: list[Broken] = []
    for name in _modules(package):
        try:
            # stdout is the command's: what a module prints at import goes where logs go.
            with redirect_stdout(sys.stderr):
                sagas += _defined_in(importlib.import_module(name))
        except DefinitionError as error:
            problems += error.problems
        except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever a module does at import
            broken.append(broken_at(name, error, root))
    _refuse_doubles(sagas)
    if not (sagas or problems or broken):
        raise UsageError(
            f"no sagas in {root / PACKAGE}: write class MySaga(Saga) in a module there"
        )
    return Found(tuple(sagas), tuple(dict.fromkeys(problems)), tuple(broken))


def make_importable(root: Path) -> None:
    """Let modules of a project be found before all others."""
    text = str(root)
    if sys.path[:1] != [text]:
        sys.path.insert(0, text)


def _package(root: Path) -> ModuleType:
    make_importable(root)
    if not (root / PACKAGE).is_dir():
        raise UsageError(
            f"there is no folder {PACKAGE!r} here ({root}): go to a project, or start one with"
            " `stepsaga new`"
        )
    try:
        with redirect_stdout(sys.stderr):
            package = importlib.import_module(PACKAGE)
    except (Exception, SystemExit) as error:
        raise ProjectError(str(broken_at(PACKAGE, error, root))) from error
    places = [Path(place).resolve() for place in getattr(package, "__path__", [])]
    if (root / PACKAGE).resolve() not in places:
        raise UsageError(
            f"another package called {PACKAGE!r} is imported, from {package.__file__}:"
            f" put an __init__.py into {root / PACKAGE}"
        )
    return package


def _modules(package: ModuleType) -> Iterator[str]:
    yield package.__name__
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.", onerror=lambda _: None)
    yield from sorted(module.name for module in found)


def _defined_in(module: ModuleType) -> list[type[Saga]]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Saga)
        and value.__module__ == module.__name__
        and hasattr(value, "__saga_graph__")
    ]


def broken_at(module: str, error: BaseException, root: Path) -> Broken:
    """Say where in a project's own files an error comes from, and what it is."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError) and error.filename:
        return Broken(module, f"{_short(error.filename, root)}:{error.lineno}", text)
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(root)
        and "site-packages" not in frame.filename
        and not Path(frame.filename).is_relative_to(Path(__file__).parent)
    ]
    place = f"{_short(frames[-1].filename, root)}:{frames[-1].lineno}" if frames else module
    return Broken(module, place, text)


def _short(file: str, root: Path) -> str:
    path = Path(file)
    return str(path.relative_to(root)) if path.is_relative_to(root) else file


def _refuse_doubles(sagas: list[type[Saga]]) -> None:
    homes: dict[str, type[Saga]] = {}
    for saga in sagas:
        other = homes.setdefault(snake(saga.__name__), saga)
        if other is saga:
            continue
        if other.__name__ == saga.__name__:
            raise UsageError(
                f"{other.__module__} and {saga.__module__} both define a saga called"
                f" {saga.__name__}, and its name is its streams' and its machine's: rename one"
            )
        raise UsageError(
            f"{other.__name__} and {saga.__name__} would both be compiled to"
            f" {snake(saga.__name__)}.asl.json: rename one"
        )
