"""What is wrong with a class, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepsaga import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepsaga.errors import Problem


def problems_of(make: Callable[[], object]) -> list[Problem]:
    """The problems that making a class raises; none if it is well."""
    try:
        make()
    except DefinitionError as error:
        return list(error.problems)
    return []


def codes_of(make: Callable[[], object]) -> list[str]:
    """The codes of the problems, sorted."""
    return sorted(problem.code for problem in problems_of(make))


def only(make: Callable[[], object]) -> Problem:
    """The one problem that making a class raises."""
    [problem] = problems_of(make)
    return problem
