"""A graph's problems: one function a rule, each with a stable code, explained in docs/errors.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepsaga.asl.compiler import compile_saga
from stepsaga.asl.rules import lint_text
from stepsaga.asl.text import render
from stepsaga.checks import distributed, limits, names, roles, services, types
from stepsaga.checks.codes import CODES

if TYPE_CHECKING:
    from stepsaga.errors import Problem
    from stepsaga.graph import SagaGraph

__all__ = ["CODES", "check"]

RULES = (
    names.reserved,
    names.too_long,
    types.parameters_fit,
    types.parameters_readable,
    types.secrets_keep_their_type,
    types.input_is_validated,
    types.probe_fits,
    types.own_result_may_be_none,
    roles.effect_without_compensation,
    roles.two_pivots,
    roles.compensation_after_pivot,
    roles.pivot_in_doubt,
    roles.probe_without_doubt,
    roles.claim_that_does_not_hold,
    roles.probe_and_compensation,
    roles.contradictions,
    roles.same_function,
    roles.nested_pivot,
    roles.question_after_pivot,
    roles.links_without_approval,
    roles.child_without_undo,
    roles.child_after_pivot,
    services.repeated_forward,
    services.shown_to_all,
    services.of_many,
    services.replies_looked_into,
    distributed.place,
    distributed.content,
    limits.deadline,
    limits.execution_time,
    limits.history,
    limits.function_names,
)
"""Rules that read the graph as it stands."""


def check(graph: SagaGraph, *, sound: bool = True) -> list[Problem]:
    """Every problem of a graph.

    Args:
        graph: What was read of a saga's class.
        sound: Whether all of it could be read. Only what is without problems is compiled, to look
            at the definition itself.
    """
    problems = [problem for rule in RULES for problem in rule(graph)]
    if sound and not problems:
        # A fingerprint has 64 characters, whatever the saga.
        text = render(compile_saga(graph, "0" * 64))
        problems = list(limits.definition_size(graph, text)) or lint_text(text)
    return problems
