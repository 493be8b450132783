"""What a drawing says of each node, whichever form it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stepsaga.drawing.conditions import datum_text
from stepsaga.graph import (
    ChoiceNode,
    MapNode,
    ParallelNode,
    Role,
    StepNode,
    Target,
    leaves,
    takes_links,
)

if TYPE_CHECKING:
    from stepsaga.graph import Call, Node, SagaGraph, Service, WaitNode

START: Final = "start"
COMPLETED: Final = "completed"
COMPENSATED: Final = "compensated"
OTHERWISE: Final = "otherwise"
DOUBT: Final = "only in doubt"
CLAIMED: Final = "at most once"
FORWARD_ONLY: Final = "from here on: forward only"
ROLES: Final = {
    Role.COMPENSATABLE: "",
    Role.READ_ONLY: "read-only",
    Role.PIVOT: "point of no return",
    Role.RETRIABLE: "retried until done",
}
UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def started_by(graph: SagaGraph) -> tuple[str, ...]:
    """What starts a saga besides clients, a line for each."""
    return tuple(f"by {trigger.name}" for trigger in graph.triggers)


def duration(seconds: int) -> str:
    """Seconds as people say them: ``2 h 30 min``."""
    parts = []
    for size, unit in UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0 s"


def function(call: Call) -> str:
    """The name of a handler's function."""
    return call.handler.rpartition(":")[2]


def notes(step: StepNode) -> tuple[str, ...]:
    """What a step is, below its name."""
    if step.child:
        return (f"starts {step.child.name}", "and waits for its end")
    if step.service:
        once = "" if step.service.repeatable or step.read_only else CLAIMED
        done = " ".join([step.service.action.removeprefix("aws-sdk:"), *targets_of(step.service)])
        return tuple(filter(None, (done, ROLES[step.role], once)))
    if step.question is None:
        return tuple(filter(None, (ROLES[step.role], CLAIMED if step.claim else "")))
    asked, to = step.question, step.question.to
    otherwise = "rejected" if asked.otherwise is None else "goes on"
    if asked.event:
        event = asked.event.event.name
        return f"waits for {event}", f"none for {duration(asked.seconds)}: {otherwise}"
    where = "asks by links" if takes_links(step.call) else "asks"
    where = f"asks by the {to.channel.value} {to.name}" if to else where
    return where, f"no answer for {duration(asked.seconds)}: {otherwise}"


def targets_of(service: Service) -> tuple[str, ...]:
    """The resources that an action works on, by name."""
    found = (leaf for leaf in leaves(service.parameters) if isinstance(leaf, Target))
    return tuple(dict.fromkeys(one.name for one in found))


def undo_lines(step: StepNode) -> tuple[str, ...]:
    """What undoes a step; nothing where nothing does. In doubt a probe is asked before it."""
    if step.compensation is None:
        return ()
    if step.child:
        return (f"undo {step.name}", f"undoes all of {step.child.name}")
    doubt = (DOUBT,) if step.role is Role.PIVOT else ()
    if step.verify:
        doubt = (f"in doubt {function(step.verify)} is asked first",)
    return (f"undo {step.name}", function(step.compensation.call), *doubt)


def probe_lines(step: StepNode) -> tuple[str, ...]:
    """What settles a pivot in doubt; nothing where there is no probe."""
    if step.verify is None or step.compensation is not None:
        return ()
    return (f"verify {step.name}", function(step.verify), DOUBT)


def wait_text(wait: WaitNode, input_name: str) -> str:
    """How long a wait lasts."""
    if wait.until is None:
        return f"wait {duration(wait.seconds or 0)}"
    text = datum_text(wait.until, input_name)
    return f"wait {text} s" if wait.seconds is not None else f"wait until {text}"


def fork_title(node: ParallelNode | MapNode, input_name: str) -> str:
    """What stands at the head of the frame of what runs side by side."""
    if isinstance(node, ParallelNode):
        return f"{node.name}: side by side"
    told = [f"at most {node.at_most} at once"] if node.at_most else []
    if node.distributed:
        told += ["distributed", *_tolerated(node.distributed.tolerated)]
    limit = f" ({', '.join(told)})" if told else ""
    return f"{node.name}: for each {node.item} of {datum_text(node.items, input_name)}{limit}"


def _tolerated(tolerated: float) -> list[str]:
    share = f"{tolerated:.4g}" if isinstance(tolerated, int) else f"{tolerated * 100:.4g} %"
    return [f"{share} may fail"] if tolerated else []


def lane_title(name: str, nodes: tuple[Node, ...]) -> str:
    """The name of a branch, where no node at its beginning has the same."""
    return "" if nodes and nodes[0].name == name else name


def turns_back(nodes: tuple[Node, ...]) -> bool:
    """Whether anything in a sequence, at any depth, can fail in a way that undoes the saga."""
    for node in nodes:
        match node:
            case StepNode():
                if node.role is not Role.RETRIABLE:
                    return True
            case ChoiceNode():
                if any(turns_back(b.nodes) for b in node.branches) or turns_back(node.otherwise):
                    return True
            case ParallelNode():
                if any(turns_back(lane.nodes) for lane in node.lanes):
                    return True
            case MapNode():
                if turns_back(node.nodes):
                    return True
            case _:
                pass
    return False


def behind_pivot(nodes: tuple[Node, ...]) -> int | None:
    """The place behind the pivot of a sequence; None where there is no pivot in it."""
    pivots = (at for at, node in enumerate(nodes) if _has_role(node, Role.PIVOT))
    return next((at + 1 for at in pivots), None)


def forward_only_from(nodes: tuple[Node, ...]) -> int | None:
    """The place in a saga from which on nothing is undone; None where all is.

    Behind the pivot, or where there is none at the first step that is retriable.
    """
    tail = (at for at, node in enumerate(nodes) if _has_role(node, Role.RETRIABLE))
    pivot = behind_pivot(nodes)
    return next(tail, None) if pivot is None else pivot


def _has_role(node: Node, role: Role) -> bool:
    return isinstance(node, StepNode) and node.role is role
