"""Rules on what steps are to the saga: compensatable, read-only, pivot, retriable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepsaga.errors import Problem
from stepsaga.graph import Role, steps_of, takes_links
from stepsaga.runtime.approved import Approved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.graph import SagaGraph, StepNode


def effect_without_compensation(graph: SagaGraph) -> Iterator[Problem]:
    """S401: a step before the pivot that nothing could undo."""
    for node in steps_of(graph.nodes):
        if node.role is Role.COMPENSATABLE and node.compensation is None:
            text = f"{node.name!r} has an effect that nothing undoes"
            hint = (
                "give compensation=..., or say read_only=True, pivot=True (the point of no return),"
                " or retriable=True (from here on only forward)"
            )
            yield _problem("S401", graph, node, text, hint)


def compensation_after_pivot(graph: SagaGraph) -> Iterator[Problem]:
    """S403: a compensation that would never run."""
    for node in steps_of(graph.nodes):
        own = node.compensation is not None and node.child is None
        if node.role is Role.RETRIABLE and own:
            text = f"{node.name!r} stands where the saga only goes forward: it is never compensated"
            hint = "move it before the pivot, or drop its compensation"
            yield _problem("S403", graph, node, text, hint)


def two_pivots(graph: SagaGraph) -> Iterator[Problem]:
    """S404: more than one point of no return, or one behind it."""
    seen = ""
    for node in steps_of(graph.nodes):
        if node.declared_pivot and seen:
            text = (
                f"{node.name!r} is declared a pivot, but {seen!r} already is the point of no return"
            )
            hint = "keep one pivot=True; steps after it are retriable"
            yield _problem("S404", graph, node, text, hint)
        if not seen and node.role in {Role.PIVOT, Role.RETRIABLE}:
            seen = node.name


def pivot_in_doubt(graph: SagaGraph) -> Iterator[Problem]:
    """S405: nobody could tell whether the pivot happened (rule 17)."""
    for node in steps_of(graph.nodes):
        settled = node.verify or node.compensation or node.read_only or node.claim
        if node.role is Role.PIVOT and not settled:
            text = f"{node.name!r} can time out, and then nobody knows whether it happened"
            hint = "give verify=..., a probe that finds out, or compensation=... for that case"
            yield _problem("S405", graph, node, text, hint)


def probe_without_doubt(graph: SagaGraph) -> Iterator[Problem]:
    """S406: a probe on a step whose doubt is settled otherwise, or that has none."""
    for node in steps_of(graph.nodes):
        if not node.verify or node.role in {Role.COMPENSATABLE, Role.PIVOT}:
            continue
        after = node.role is Role.RETRIABLE
        text = f"{node.name!r} has a probe, but {'only goes forward' if after else 'only reads'}"
        settled = "has no effect to look for"
        if after:
            settled = "waits for a person" if node.claim else "is tried again until it is done"
        yield _problem("S406", graph, node, text, f"drop verify=...: this step {settled}")


def claim_that_does_not_hold(graph: SagaGraph) -> Iterator[Problem]:
    """S412: a claim without an effect, or on a step that is to be tried again (rule 27)."""
    for node in steps_of(graph.nodes):
        if node.claim and node.read_only:
            text = f"{node.name!r} is claimed, but only reads: there is no effect to have once"
            yield _problem("S412", graph, node, text, "drop claim=True, or read_only=True")
        elif node.claim and node.call.retry is not None:
            text = f"{node.name!r} is claimed, and a claimed step is never retried by itself"
            hint = "drop retry=...; where the handler can be called again, drop claim=True instead"
            yield _problem("S412", graph, node, text, hint)


def probe_and_compensation(graph: SagaGraph) -> Iterator[Problem]:
    """S407: two ways out of one doubt."""
    for node in steps_of(graph.nodes):
        if node.role is Role.PIVOT and node.verify and node.compensation:
            text = f"{node.name!r} has a probe and a compensation: which of them settles doubt?"
            hint = "keep verify=...; a pivot that did not happen needs no undoing"
            yield _problem("S407", graph, node, text, hint)


def contradictions(graph: SagaGraph) -> Iterator[Problem]:
    """S408: options that exclude each other."""
    for node in steps_of(graph.nodes):
        pairs = [
            (node.read_only and node.compensation, "read_only and compensation: nothing to undo"),
            (node.declared_pivot and node.declared_retriable, "pivot and retriable"),
            (node.read_only and node.verify, "read_only and verify: no effect to look for"),
        ]
        for clash, text in pairs:
            if clash:
                hint = "keep one of the two"
                yield _problem("S408", graph, node, f"{node.name!r} is both {text}", hint)


def same_function(graph: SagaGraph) -> Iterator[Problem]:
    """S409: a step that would be undone, or looked for, by doing it again."""
    for node in steps_of(graph.nodes):
        undo = node.compensation.call if node.compensation else None
        for call, part in [(undo, "compensation"), (node.verify, "probe")]:
            if call and call.handler and call.handler == node.call.handler:
                text = f"{node.name!r} has {call.handler} as its handler and as its {part}"
                hint = "that would do it once more: give the function that undoes it, or finds it"
                yield _problem("S409", graph, node, text, hint)


def nested_pivot(graph: SagaGraph) -> Iterator[Problem]:
    """S411: a point of no return inside of a branch: its siblings would not know (rule 16)."""
    at_root = {node.name for node in graph.nodes}
    for node in steps_of(graph.nodes):
        if node.name not in at_root and (node.declared_pivot or node.declared_retriable):
            said = "the pivot" if node.declared_pivot else "where the saga only goes forward"
            text = f"{node.name!r} is {said}, but stands inside of another node"
            hint = "write it in the class body itself, behind the node that it stands in"
            yield _problem("S411", graph, node, text, hint)


def question_after_pivot(graph: SagaGraph) -> Iterator[Problem]:
    """S413: a question whose rejection could undo nothing (rule 16)."""
    for node in steps_of(graph.nodes):
        if node.question is not None and node.role is Role.RETRIABLE:
            text = f"{node.name!r} asks where the saga only goes forward: what if it is rejected?"
            hint = "ask before the pivot; or let a Step ask, and a saga of its own take the answer"
            yield _problem("S413", graph, node, text, hint)


def links_without_approval(graph: SagaGraph) -> Iterator[Problem]:
    """S560: approval links for what is no approval."""
    for node in steps_of(graph.nodes):
        approval = node.question is not None and node.call.returns is Approved
        undo = node.compensation.call if node.compensation else None
        for call, part in [(node.call, "handler"), (undo, "compensation"), (node.verify, "probe")]:
            if call and takes_links(call) and not (approval and part == "handler"):
                text = f"the {part} of {node.name!r} takes ApprovalLinks, but asks for no approval"
                hint = (
                    "only the handler of an Approval is given links: approve and reject are all"
                    " that they can say; leave the parameter out, or write an Approval"
                )
                yield _problem("S560", graph, node, text, hint)


def child_without_undo(graph: SagaGraph) -> Iterator[Problem]:
    """S414: a child of which something could not be undone with its parent (rule 28)."""
    for node in steps_of(graph.nodes):
        if node.child is None or node.child.graph is None:
            continue
        for step in steps_of(node.child.graph.nodes):
            if step.role in {Role.PIVOT, Role.RETRIABLE}:
                text = f"{node.child.name} has a point of no return, {step.name!r}"
                hint = (
                    f"give {step.name!r} a compensation in {node.child.name} instead of"
                    f" {step.role.value}; or let the last Step of {graph.name} start"
                    f" {node.child.name} as a saga of its own, with `{node.child.name}.start`"
                )
                yield _problem("S414", graph, node, text, hint)
                break


def child_after_pivot(graph: SagaGraph) -> Iterator[Problem]:
    """S415: a child that could reject where nothing is undone any more (rule 3)."""
    for node in steps_of(graph.nodes):
        if node.child is not None and node.role is not Role.COMPENSATABLE:
            text = f"{node.name!r} starts {node.child.name} where the saga only goes forward"
            hint = (
                "write it before the pivot; or let a Step start it as a saga of its own, with"
                " `Saga.start`, and not wait"
            )
            yield _problem("S415", graph, node, text, hint)


def _problem(code: str, graph: SagaGraph, node: StepNode, text: str, hint: str) -> Problem:
    return Problem(code, f"{graph.name}.{node.name}", text, hint, node.source)
