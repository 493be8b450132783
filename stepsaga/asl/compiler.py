"""A saga's graph as Amazon States Language. Pure: no AWS, no files.

The shape: forward Tasks as written; their catchers enter one chain of compensations, in reverse,
at the right point; the chain ends in a record put by Step Functions itself, then in Fail. Branches
and items are lanes (`stepsaga.asl.lanes`), which report to the chain when they have joined.
Dialect: JSONPath, nothing newer than May 2024, and no path that can be missing at run time, because
``States.Runtime`` cannot be caught.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.endings import PUT_ITEM, TAKEN, Endings
from stepsaga.asl.lanes import Lanes
from stepsaga.asl.names import (
    CHECK_INPUT,
    COMPENSATED,
    COMPLETION,
    EVENT_TABLE,
    RECORD,
    function_name,
    live_name,
)
from stepsaga.asl.openers import commits_for_certain
from stepsaga.asl.payloads import Payloads
from stepsaga.asl.services import Services
from stepsaga.asl.states import (
    INVOKE,
    TOO_LARGE,
    asking,
    catcher,
    catchers,
    choose,
    comment,
    doubt_state,
    first_taken,
    in_doubt,
    taken,
    task,
    undo_comment,
)
from stepsaga.asl.times import doubt_call, execution_seconds, input_call, settled_by_slot
from stepsaga.graph import (
    ChoiceNode,
    MapNode,
    Role,
    StepNode,
    WaitNode,
    blocks_of,
    closing_step,
    walk,
)

if TYPE_CHECKING:
    from stepsaga.asl.states import States
    from stepsaga.graph import Call, Distributed, Fork, Node, Question, SagaGraph, Service

__all__ = [
    "COMPENSATED",
    "EVENT_TABLE",
    "INVOKE",
    "PUT_ITEM",
    "RECORD",
    "TAKEN",
    "TOO_LARGE",
    "compile_saga",
    "execution_seconds",
    "function_name",
    "live_name",
]

END: Final[dict[str, Any]] = {"End": True}


def compile_saga(graph: SagaGraph, fingerprint: str) -> dict[str, Any]:
    """The state machine of a saga.

    Args:
        graph: A graph without problems.
        fingerprint: What `stepsaga.asl.fingerprint.fingerprint` says of the graph.

    Returns:
        The definition as JSON values, keys in the order in which a reader wants them.
    """
    return _Compiler(graph, fingerprint).definition()


class _Compiler:
    """Compiles the nodes at a saga's root; forward and backward states are gathered apart."""

    def __init__(self, graph: SagaGraph, fingerprint: str) -> None:
        self.graph = graph
        self.payloads = Payloads(graph, fingerprint)
        self.endings = Endings(graph.name, fingerprint)
        self.services = Services(self.payloads)
        self.lanes = Lanes(self.payloads, self.services)
        self.forward: States = {}
        self.backward: States = {}
        self.known: list[str] = []
        self.perhaps: set[str] = set()
        self.fresh = True

    def definition(self) -> dict[str, Any]:
        nodes = self.graph.nodes
        if self.payloads.checks_input:
            self._check_input(entry(nodes[0]))
        single = closing_step(self.graph) is not None
        self._sequence(nodes, None if single else COMPLETION, RECORD)
        states = {**self.forward}
        if not single:
            states |= self.endings.completed(first=not commits_for_certain(nodes))
        states |= self.backward
        if self._can_fail():
            states |= self.endings.compensated(first=self._may_be_empty())
        self._drop_unused(states)
        return {
            **comment(self.graph.doc or self.graph.name),
            "StartAt": CHECK_INPUT if self.payloads.checks_input else entry(nodes[0]),
            "TimeoutSeconds": execution_seconds(self.graph),
            "States": states,
        }

    def _drop_unused(self, states: States) -> None:
        """Drop what nothing leads to: choices that nobody asks again, compensations that never run.

        They are those of the last that can fail: nothing behind it could lead there.
        """
        while True:
            named = {target for state in states.values() for target in _targets(state)}
            unused = [name for name in self.perhaps if name in states and name not in named]
            if not unused:
                return
            for name in unused:
                del states[name]

    def _can_fail(self) -> bool:
        """Whether there is anything before the point of no return."""
        first = next(node for node in walk(self.graph.nodes) if isinstance(node, StepNode))
        return self.payloads.checks_input or first.role is not Role.RETRIABLE

    def _may_be_empty(self) -> bool:
        """Whether a saga that failed may have written nothing (rule 8)."""
        first = self.graph.nodes[0]
        undone = isinstance(first, StepNode) and first.compensation
        return self.payloads.checks_input or not undone

    def _sequence(self, nodes: tuple[Node, ...], then: str | None, before: str) -> str:
        """Compile nodes that follow each other.

        Args:
            nodes: The nodes.
            then: The state behind them; None where the execution ends.
            before: Where undoing starts when none of them had an effect.

        Returns:
            Where undoing starts when all of them are done.
        """
        undoing: list[States] = []
        for index, node in enumerate(nodes):
            follows = entry(nodes[index + 1]) if index + 1 < len(nodes) else then
            outer, self.backward = self.backward, {}
            before = self._node(node, follows, before)
            undoing.append(self.backward)
            self.backward = outer
        for states in reversed(undoing):
            self.backward |= states
        return before

    def _node(self, node: Node, then: str | None, before: str) -> str:
        next_ = END if then is None else {"Next": then}
        if isinstance(node, StepNode):
            return self._any_step(node, next_, before)
        assert then is not None  # noqa: S101  # a saga ends with a step, or with its record
        if isinstance(node, ChoiceNode):
            return self._choice(node, then, before)
        if isinstance(node, WaitNode):
            self.forward[node.name] = self.lanes.wait(node, next_)
            return before
        if isinstance(node, MapNode) and node.distributed:
            return self._distributed(node, node.distributed, then, before)
        return self._fork(node, then, before)

    def _any_step(self, node: StepNode, next_: dict[str, Any], before: str) -> str:
        if node.question is not None:
            return self._question(node, node.question, next_, before)
        if node.service is not None:
            return self._service(node, node.service, next_, before)
        return self._step(node, next_, before)

    def _check_input(self, then: str) -> None:
        payload = self.payloads.check_input()
        failed = f"{CHECK_INPUT} failed"
        self.forward |= {
            CHECK_INPUT: {
                "Comment": "The definition looks at the input: validated, with all its defaults.",
                **task(input_call(self.graph), payload, live=False),
                "ResultSelector": {"input": {"value.$": "$.Payload.value"}, **self._nothing_yet()},
                "ResultPath": "$",
                "Catch": catchers("$", failed, failed, failed),
                "Next": then,
            },
            failed: _put_failure(RECORD),
        }
        self.known.append("input")
        self.fresh = False

    def _nothing_yet(self) -> dict[str, None]:
        """What a choice may pass over, so that its path is there: a document begins with it."""
        optional: dict[str, None] = {}
        for node in self.graph.nodes:
            if isinstance(node, ChoiceNode):
                for block in blocks_of(node):
                    optional |= dict.fromkeys(_at_root(block))
        return optional

    # Steps

    def _step(self, node: StepNode, next_: dict[str, Any], before: str) -> str:
        undoable = node.role is not Role.RETRIABLE
        first = self.fresh
        payload = self.payloads.forward(node, fresh=first)
        # The first reply replaces the document: before it, that is the input, which may be anything
        # (rule 19).
        first_result = {**first_taken(node.call, node.name), **self._nothing_yet()}
        state = {
            **comment(node.doc),
            **task(node.call, payload, live=not undoable),
            **({"ResultSelector": first_result} if first else taken(node.call)),
            "ResultPath": "$" if first else f"$.{node.name}",
        }
        self.forward[node.name] = state
        self.fresh = False
        self.known.append(node.name)
        if not undoable:
            state |= next_
            return before
        after = f"undo {node.name}" if node.compensation else before
        unknown = self._doubt(node, next_, before, after)
        if first:
            state["Catch"] = self._first_failures(node.name, before, unknown)
        else:
            state["Catch"] = catchers("$.failure", before, unknown, unknown)
        state |= next_
        self._undo(node, before)
        return after

    def _undo(self, node: StepNode, before: str) -> None:
        if node.compensation:
            self.perhaps.add(f"undo {node.name}")
            self.backward[f"undo {node.name}"] = {
                **undo_comment(node),
                **task(node.compensation.call, self.payloads.compensation(node), live=True),
                "ResultPath": None,
                "Next": before,
            }

    def _first_failures(self, name: str, rejected: str, unknown: str) -> list[dict[str, Any]]:
        """Catchers that lead to where a failure of the first node is put where others put theirs.

        Of the first call only the input can be too large, for the runtime bounds results (rule 22):
        nothing ran, and a compensation could not be called either.
        """
        targets = {f"{name} failed": unknown}
        if rejected != unknown:
            targets = {f"{name} rejected": rejected} | targets
        for state, target in targets.items():
            self.forward[state] = _put_failure(target)
        did_nothing = next(iter(targets))
        return catchers("$", did_nothing, did_nothing, f"{name} failed")

    def _doubt(self, node: StepNode, next_: dict[str, Any], before: str, after: str) -> str:
        """The states that settle what became of a step, and where they start."""
        if node.verify or node.claim:
            # It is asked after the step's time is up (rule 17): until then an invocation whose
            # reply was lost may still be running. What a probe says that it found not to be is not
            # undone either, nor is what was claimed by nobody (rule 27).
            call, name = node.verify or doubt_call(node), doubt_state(node)
            self.backward[f"{node.name} in doubt"] = in_doubt(node, name)
            found = "$.failure" if node.verify else None
            self._settle(node, call, catcher("Rejected", found, before), next_)
            return f"{node.name} in doubt"
        if settled_by_slot(self.graph, node):
            # What a pivot or a saga's last step has recorded cannot be undone any more (rule 16),
            # so a compensation alone will not do. Nothing is waited for: the call seals an empty
            # slot, and whoever comes later is fenced. The document keeps the step's own failure:
            # that the slot was empty explains nothing.
            self._settle(node, doubt_call(node), catcher("Rejected", None, after), next_)
            return f"verify {node.name}"
        return after

    def _settle(
        self, node: StepNode, call: Call, rejected: dict[str, Any], next_: dict[str, Any]
    ) -> None:
        self.backward[doubt_state(node)] = {
            **task(call, self.payloads.probe(node, call), live=True),
            "ResultSelector": {"value.$": "$.Payload.value"},
            "ResultPath": f"$.{node.name}",
            "Catch": [rejected],
            "Next": f"{node.name} settled",
        }
        # The document without the failure that is settled: it holds step results only, and what a
        # choice to come may pass over.
        later = {key: None for key in self._nothing_yet() if key not in self.known}
        self.backward[f"{node.name} settled"] = {
            "Type": "Pass",
            "Parameters": {**later, **{f"{name}.$": f"$.{name}" for name in self.known}},
            **next_,
        }

    # Service steps

    def _service(self, node: StepNode, service: Service, next_: dict[str, Any], before: str) -> str:
        """An action and its record: whatever fails in them leaves the step in doubt (rule 26).

        It is never the first state: where it is the first node, the input is checked before it.
        """
        name, place = node.name, f"$.{node.name}"
        record, adopt, done = f"record {name}", f"adopt {name}", f"done {name}"
        undoable = node.role is not Role.RETRIABLE
        after = f"undo {name}" if node.compensation and undoable else before
        self.known.append(name)
        unknown: list[dict[str, Any]] = []
        looking: list[dict[str, Any]] = []
        if undoable:
            target = self._doubt(node, next_, before, after)
            unknown = catchers("$.failure", before, target, target)[1:]
            # Sealed by somebody else, it has landed late: that is undone, whoever asks.
            fenced = [catcher("Fenced", "$.failure", after)] if target != after else []
            looking = [*fenced, *unknown]
        already = [{"ErrorEquals": list(service.done), "ResultPath": None, "Next": done}]
        caught = [*(already if service.done else []), *unknown]
        self.forward[name] = {
            **comment(node.doc),
            **self.services.action(node, place),
            **({"Catch": caught} if caught else {}),
            "Next": record,
        }
        if service.done:
            self.forward[done] = {**self.services.done_before(node, place), "Next": record}
        self.forward[record] = {
            **self.services.record(node, place),
            "Catch": [catcher(TAKEN, None, adopt), *unknown],
            **next_,
        }
        self.forward[adopt] = {
            **task(doubt_call(node), self.payloads.adopt(node, place), live=True),
            "ResultSelector": {"value.$": "$.Payload.value"},
            "ResultPath": place,
            **({"Catch": looking} if looking else {}),
            **next_,
        }
        if undoable:
            self._undo(node, before)
        return after

    # Questions

    def _question(
        self, node: StepNode, question: Question, next_: dict[str, Any], before: str
    ) -> str:
        """A question has no effect: whatever becomes of it, undoing starts before it.

        The answer is taken whole: a path into what a stranger may have sent could be missing.
        """
        name, first = node.name, self.fresh
        unanswered, answered = f"{name} unanswered", f"{name} answered"
        known = dict.fromkeys([*self.known, *self._nothing_yet(), name])
        self.forward[name] = {
            **comment(node.doc),
            **asking(node.call, question, self.payloads.forward(node, fresh=first)),
            **({"ResultSelector": {f"{name}.$": "$", **self._nothing_yet()}} if first else {}),
            "ResultPath": "$" if first else f"$.{name}",
            "Catch": catchers("$.failure", before, unanswered, unanswered),
            **next_,
        }
        kept: dict[str, Any] = {f"{one}.$": f"$.{one}" for one in known}
        if first:
            refused, failed = f"{name} rejected", f"{name} failed"
            self.forward[name]["Catch"] = catchers("$", refused, failed, failed)
            for state, target in ((failed, unanswered), (refused, before)):
                self.forward[state] = _put_failure(target)
            kept = self._nothing_yet() | {f"{name}.$": f"$.{name}"}
        self.backward[unanswered] = {
            **task(doubt_call(node), self.payloads.unanswered(node, "$.failure"), live=True),
            "ResultSelector": {"value.$": "$.Payload.value"},
            "ResultPath": f"$.{name}",
            "Catch": [catcher("Rejected", "$.failure", before)],
            "Next": answered,
        }
        # The document without the failure that is settled: it holds step results only.
        self.backward[answered] = {"Type": "Pass", "Parameters": kept, **next_}
        self.fresh = False
        self.known.append(name)
        return before

    # Choices

    def _choice(self, node: ChoiceNode, then: str, before: str) -> str:
        rules = self.lanes.rules(node)
        blocks = blocks_of(node)
        entries = [block[0].name if block else then for block in blocks]
        self.forward[node.name] = choose(rules, entries)
        undoing, afters = [], []
        for block in blocks:
            outer, self.backward = self.backward, {}
            afters.append(self._sequence(block, then, before))
            undoing.append(self.backward)
            self.backward = outer
        undo = f"undo {node.name}"
        ways = set(afters)
        if len(ways) > 1:
            # Nothing that a condition looks at changes: asked again, it chooses the same way.
            self.backward[undo] = choose(rules, afters)
            self.perhaps.add(undo)
        for states in undoing:
            self.backward |= states
        return undo if len(ways) > 1 else ways.pop()

    # Forks

    def _fork(self, node: Fork, then: str, before: str) -> str:
        name = node.name
        undo = f"undo {name}" if node.undo_slot else before
        first = self.fresh
        state = self.lanes.fork(node, fresh=first)
        if first:
            state["ResultSelector"] = {name: state["ResultSelector"], **self._nothing_yet()}
            state["ResultPath"] = "$"
        self.forward[name] = state
        self.fresh = False
        self.known.append(name)
        if not self.lanes.undoable(node):
            state["Next"] = f"{name} joined"
            self.forward |= self.lanes.joined_after_pivot(node, then)
            return before
        if first:
            state["Catch"] = self._first_failures(name, undo, undo)
        else:
            state["Catch"] = catchers("$.failure", undo, undo, undo)[1:]
        state["Next"] = f"{name} joined"
        self.forward |= self.lanes.joined(node, then, undo)
        if node.undo_slot:
            self.backward |= self.lanes.undo(node, before)
        return undo

    def _distributed(self, node: MapNode, many: Distributed, then: str, before: str) -> str:
        name, first = node.name, self.fresh
        undo = f"undo {name}" if node.undo_slot else before
        state = self.lanes.opened(node, many, fresh=first)
        if first:
            state["ResultSelector"] |= self._nothing_yet()
            state["Catch"] = self._first_failures(f"open {name}", before, before)
        else:
            state["Catch"] = catchers("$.failure", before, before, before)
        self.forward[f"open {name}"] = state
        self.fresh = False
        self.known.append(name)
        self.forward |= self.lanes.distributed(node, many, then, undo)
        if node.undo_slot:
            self.backward |= self.lanes.undo_distributed(node, many, then, before)
        return undo


def entry(node: Node) -> str:
    """The state in which a node at the root begins."""
    many = isinstance(node, MapNode) and node.distributed
    return f"open {node.name}" if many else node.name


def _put_failure(target: str) -> dict[str, Any]:
    """A failure that replaced the document, put where others are put."""
    return {"Type": "Pass", "Parameters": {"failure.$": "$"}, "Next": target}


def _targets(state: dict[str, Any]) -> list[Any]:
    entries = [state, *state.get("Catch", []), *state.get("Choices", [])]
    return [*(entry.get("Next") for entry in entries), state.get("Default")]


def _at_root(nodes: tuple[Node, ...]) -> list[str]:
    """The names under which the nodes of a block stand in the document."""
    names: list[str] = []
    for node in nodes:
        if isinstance(node, ChoiceNode):
            for block in blocks_of(node):
                names += _at_root(block)
        elif not isinstance(node, WaitNode):
            names.append(node.name)
    return names
