"""What starts sagas that are children of others: its variables, and its rights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import DeploymentError
from stepsaga.graph import children_of, steps_of
from stepsaga.limits import OBJECT_PREFIX
from stepsaga.recovery.children_entry import ALIAS
from stepsaga.recovery.deployed import MACHINES, SAGAS, UNDO
from stepsaga.runtime.children import PARTICIPANT as CHILDREN
from stepsaga.sam import rights
from stepsaga.sam.bucket import BUCKET
from stepsaga.sam.cfn import NO_VALUE, either, ref, sub

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stepsaga.graph import SagaGraph
    from stepsaga.sam.application import Function

__all__ = ["CHILDREN", "HANDLER", "check_children", "children", "environment", "statements"]

HANDLER: Final = "stepsaga.recovery.children_entry.handler"
_LIVE: Final = ":live"
"""In prod sagas are started by their machines' aliases: `stepsaga.sam.machines.started_as`."""


def children(graph: SagaGraph) -> list[str]:
    """The sagas that a saga itself starts."""
    return list(dict.fromkeys(n.child.name for n in steps_of(graph.nodes) if n.child))


def check_children(graphs: Iterable[SagaGraph]) -> None:
    """Refuse a child that would not be deployed.

    Raises:
        DeploymentError: Names it.
    """
    known = list(graphs)
    names = {graph.name for graph in known}
    for graph in known:
        for name in children_of(graph):
            if name not in names:
                raise DeploymentError(
                    f"{graph.name} starts {name}, which is not among the project's sagas: put its"
                    " class into sagas/"
                )


def environment(sagas: Sequence[str]) -> dict[str, Any]:
    """What it is told: where machines are, by their names; as recovery is."""
    return {
        MACHINES: sub(f"{rights.STATES}:stateMachine:{rights.machine_name('')}"),
        SAGAS: ",".join(sagas),
        UNDO: sub(rights.UNDO_ARN),
        ALIAS: either("IsProd", _LIVE, ""),
    }


def statements(started: Sequence[str]) -> list[Any]:
    """Starting and stopping these sagas and no others, looking at all, and having them undone.

    Its sagas' Tasks it may tell as whoever asks does (`stepsaga.sam.rights.answers`); where one is
    undone from its log, it is a Task of the machine that undoes which waits.
    """
    named = [rights.machine_name(saga) for saga in started]
    machines = [sub(f"{rights.STATES}:stateMachine:{name}") for name in named]
    aliases = [sub(f"{rights.STATES}:stateMachine:{name}{_LIVE}") for name in named]
    executions = [sub(f"{rights.STATES}:execution:{name}:*") for name in named]
    # Also of the undo of a child that goes back already, and of a child that no release has any
    # more, but whose machine is retained.
    described = ["states:DescribeExecution", "states:DescribeStateMachineForExecution"]
    every = sub(f"{rights.STATES}:execution:{rights.machine_name('*')}:*")
    return [
        rights.allow(["states:StartExecution"], [*machines, *aliases, sub(rights.UNDO_ARN)]),
        rights.allow(["states:StopExecution"], executions),
        rights.allow(described, every),
    ]


def telling(functions: Iterable[Function]) -> list[Any]:
    """The rights of who tells what children came to, besides the function that starts them."""
    parents = [saga for one in functions if one.starts for saga in one.answers]
    if not parents:
        return []
    # A result that its parent's document has no room for goes to the bucket.
    puts = rights.allow(["s3:PutObject"], sub(f"${{{BUCKET}.Arn}}/{OBJECT_PREFIX}*"))
    return [*answers(parents), puts]


def answers(parents: Sequence[str]) -> list[Any]:
    """Telling the Tasks that wait for children what these came to, and those of their undoing."""
    machines = [sub(f"{rights.STATES}:stateMachine:{rights.machine_name(one)}") for one in parents]
    tell = ["states:SendTaskSuccess", "states:SendTaskFailure"]
    return [
        rights.allow(tell, [*machines, sub(rights.UNDO_ARN)]),
        # To MiniStack a token is of no machine: it asks whether all may be told.
        either("IsLocal", rights.allow(tell, "*"), ref(NO_VALUE)),
    ]
