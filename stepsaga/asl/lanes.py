"""Branches and items as lanes: they catch inside themselves, report, and always join (rule 13).

No lane is ever cut off by another that failed. After the join a Choice looks at the reports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl import distributed
from stepsaga.asl.conditions import rule
from stepsaga.asl.distributed import (
    ITEM_FAILED,
    ITEM_UNDO_FAILED,
    failed_item,
    is_distributed,
)
from stepsaga.asl.endings import TAKEN
from stepsaga.asl.payloads import item_address, reports_of
from stepsaga.asl.positions import LaneAt, path
from stepsaga.asl.states import (
    TOO_LARGE,
    asking,
    catcher,
    choose,
    comment,
    in_doubt,
    taken,
    task,
    undo_comment,
)
from stepsaga.asl.times import doubt_call, items_call, settle_call
from stepsaga.graph import (
    ChoiceNode,
    MapNode,
    Origin,
    ParallelNode,
    Question,
    Role,
    Service,
    StepNode,
    WaitNode,
    blocks_of,
    steps_of,
)
from stepsaga.limits import FIRST_INDEX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.asl.payloads import Payloads
    from stepsaga.asl.positions import Lanes as Around
    from stepsaga.asl.services import Services
    from stepsaga.asl.states import States
    from stepsaga.graph import Distributed, Fork, Node

REPORT: Final[dict[str, Any]] = {"own": {}, "failed": False, "failure": None, "at": None}
"""What a lane begins with, and ends with (rule 21)."""

LANE_FAILED: Final = "LaneFailed"
"""The error of a fork of which lanes have failed."""

LANE_END: Final[dict[str, Any]] = {"OutputPath": "$.lane", "End": True}
UNDO_END: Final[dict[str, Any]] = {"End": True}


class Lanes:
    """Compiles the forks of one saga, and what is in them.

    Args:
        payloads: Of the saga's calls.
        services: Of what Step Functions itself does for its steps.
    """

    def __init__(self, payloads: Payloads, services: Services) -> None:
        self._payloads = payloads
        self._services = services

    # Forward

    def fork(self, node: Fork, *, fresh: bool = False) -> dict[str, Any]:
        """The state of a fork, without what follows it.

        Args:
            node: The fork.
            fresh: Whether the document still is the input, of which lanes are told nothing.
        """
        around = self._around(node)
        outer: dict[str, Any] = {"outer": {}} if fresh else {"outer.$": "$"}
        begin = {"lane": dict(REPORT), **outer}
        where = {"ResultPath": path(reports_of(node.name, around))}
        if isinstance(node, ParallelNode):
            lanes = [self._lane(lane.nodes, (*around, at)) for lane, at in _branches(node)]
            reports = {f"{lane.name}.$": f"$[{n}]" for n, lane in enumerate(node.lanes)}
            if around or not self.undoable(node):
                reports |= _summary()
            return {
                "Type": "Parallel",
                "Parameters": begin | _inherited(around),
                "Branches": lanes,
                "ResultSelector": reports,
                **where,
            }
        return {
            **self._map(node, around),
            "ItemSelector": {**begin, **_item(node, around)},
            "ItemProcessor": _inline(self._lane(node.nodes, (*around, LaneAt(node)))),
            "ResultSelector": {"items.$": "$[*].own", **_summary()},
            **where,
        }

    def undoable(self, node: Node) -> bool:
        """Whether a node stands before the point of no return."""
        return all(step.role is not Role.RETRIABLE for step in steps_of((node,)))

    def joined(self, node: Fork, then: str, undo: str) -> States:
        """What decides behind a fork at the root, before the point of no return."""
        name = node.name
        reports = path(reports_of(name, ()))
        if isinstance(node, MapNode):
            failed = f"{name} failed in a lane"
            choices = [_if_failed(reports, failed)]
            failure = {"Type": "Pass", "Parameters": _lanes_failed(reports)}
            failures: States = {failed: failure | {"ResultPath": "$.failure"}}
        else:
            names = {lane.name: f"{name} failed in {lane.name}" for lane in node.lanes}
            choices = [_if_failed(f"{reports}.{lane}", state) for lane, state in names.items()]
            failures = {
                state: {"Type": "Pass", "InputPath": f"{reports}.{lane}.failure"}
                | {"ResultPath": "$.failure"}
                for lane, state in names.items()
            }
        return {
            f"{name} joined": {"Type": "Choice", "Choices": choices, "Default": then},
            **{state: {**one, "Next": undo} for state, one in failures.items()},
        }

    def joined_after_pivot(self, node: Fork, then: str) -> States:
        """The same after it: what failed is tried again by a redrive (rule 16)."""
        return self._settled(node, node.name, then, undo=False)

    def rules(self, node: ChoiceNode) -> list[dict[str, Any]]:
        """The rules of a choice's branches, without where they lead."""
        lanes = self._around(node)
        return [
            rule(branch.condition, lambda datum: self._payloads.places.of(datum, lanes))
            for branch in node.branches
        ]

    def wait(self, node: WaitNode, next_: dict[str, Any]) -> dict[str, Any]:
        """The state of a wait."""
        if node.until is None:
            return {"Type": "Wait", "Seconds": node.seconds, **next_}
        keys = self._payloads.places.of(node.until, self._around(node))
        field = "TimestampPath" if node.seconds is None else "SecondsPath"
        return {"Type": "Wait", field: path(keys), **next_}

    def _around(self, node: Node) -> Around:
        return self._payloads.positions[node.name].lanes

    def _state(self, node: Node) -> str:
        return self._payloads.positions[node.name].state

    def _lane(self, nodes: tuple[Node, ...], lanes: Around) -> dict[str, Any]:
        states: States = {}
        self._sequence(nodes, lanes, None, states)
        return {"StartAt": self._state(nodes[0]), "States": states}

    def _sequence(
        self, nodes: tuple[Node, ...], lanes: Around, then: str | None, states: States
    ) -> None:
        for index, node in enumerate(nodes):
            last = index + 1 == len(nodes)
            follows = then if last else self._state(nodes[index + 1])
            next_ = LANE_END if follows is None else {"Next": follows}
            self._node(node, lanes, follows, next_, states)

    def _node(
        self,
        node: Node,
        lanes: Around,
        follows: str | None,
        next_: dict[str, Any],
        states: States,
    ) -> None:
        name = self._state(node)
        match node:
            case StepNode(question=Question() as question):
                self._question(node, question, lanes, next_, states)
            case StepNode(service=Service() as service):
                self._service(node, service, lanes, next_, states)
            case StepNode():
                self._step(node, name, lanes, next_, states)
            case WaitNode():
                states[name] = self.wait(node, next_)
            case ChoiceNode():
                self._choice(node, name, lanes, follows, states)
            case _:
                states[name] = self.fork(node) | {"Next": f"{name} joined"}
                failed = f"{name} failed"
                if self.undoable(node):
                    states[name]["Catch"] = self._failures("$.lane.failure", failed)
                    states[failed] = self._report(node.name, lanes, "$.lane.failure")
                    states |= self._joined_inside(node, name, lanes, follows)
                else:
                    states |= self._settled(node, name, follows, undo=False)

    def _step(
        self, node: StepNode, name: str, lanes: Around, next_: dict[str, Any], states: States
    ) -> None:
        live = node.role is Role.RETRIABLE
        failed = f"{name} failed"
        states[name] = {
            **comment(node.doc),
            **task(node.call, self._payloads.forward(node, fresh=False), live=live),
            **taken(node.call),
            "ResultPath": f"$.lane.own.{node.name}",
            "Catch": self._failures("$.lane.failure", failed),
            **next_,
        }
        if node.verify:
            self._verify(node, name, next_, states)
        states[failed] = self._report(node.name, lanes, "$.lane.failure")

    def _service(
        self,
        node: StepNode,
        service: Service,
        lanes: Around,
        next_: dict[str, Any],
        states: States,
    ) -> None:
        """As at the root, and whatever becomes of it the lane reports."""
        name, place = self._state(node), f"$.lane.own.{node.name}"
        record, adopt, done = f"record {name}", f"adopt {name}", f"done {name}"
        failed = f"{name} failed"
        unknown = self._failures("$.lane.failure", failed)
        states[name] = {**comment(node.doc), **self._services.action(node, place), "Next": record}
        if node.verify:
            self._verify(node, name, next_, states)
            del states[name]["Catch"][0]
            unknown = states[name]["Catch"]
        states[name]["Catch"] = list(unknown)
        if service.done:
            before = {"ErrorEquals": list(service.done), "ResultPath": None, "Next": done}
            states[name]["Catch"].insert(0, before)
            states[done] = {**self._services.done_before(node, place), "Next": record}
        states[record] = {
            **self._services.record(node, place),
            "Catch": [catcher(TAKEN, None, adopt), *unknown],
            **next_,
        }
        states[adopt] = {
            **task(doubt_call(node), self._payloads.adopt(node, place), live=True),
            "ResultSelector": {"value.$": "$.Payload.value"},
            "ResultPath": place,
            "Catch": self._failures("$.lane.failure", failed),
            **next_,
        }
        states[failed] = self._report(node.name, lanes, "$.lane.failure")

    def _verify(self, node: StepNode, name: str, next_: dict[str, Any], states: States) -> None:
        """The states that settle doubt by a probe. Where it cannot tell, the lane has failed.

        The failure that is settled stands beside the lane's report, which it must not get into.
        """
        assert node.verify is not None  # noqa: S101  # for mypy
        doubt, probe, failed = f"{name} in doubt", f"verify {name}", f"{name} failed"
        rejected = catcher("Rejected", "$.lane.failure", failed)
        states[name]["Catch"] = [rejected, *self._failures("$.doubt", doubt)]
        states[doubt] = in_doubt(node, probe)
        states[probe] = {
            **task(node.verify, self._payloads.probe(node, node.verify), live=True),
            "ResultSelector": {"value.$": "$.Payload.value"},
            "ResultPath": f"$.lane.own.{node.name}",
            "Catch": self._failures("$.lane.failure", failed),
            **next_,
        }

    def _question(
        self,
        node: StepNode,
        question: Question,
        lanes: Around,
        next_: dict[str, Any],
        states: States,
    ) -> None:
        """As at the root; that no answer came stands beside the report, which may go on well."""
        name = self._state(node)
        failed, unanswered = f"{name} failed", f"{name} unanswered"
        place, failure = f"$.lane.own.{node.name}", "$.lane.failure"
        states[name] = {
            **comment(node.doc),
            **asking(node.call, question, self._payloads.forward(node, fresh=False)),
            "ResultPath": place,
            "Catch": [
                catcher("Rejected", failure, failed),
                *self._failures("$.unanswered", unanswered),
            ],
            **next_,
        }
        states[unanswered] = {
            **task(doubt_call(node), self._payloads.unanswered(node, "$.unanswered"), live=True),
            "ResultSelector": {"value.$": "$.Payload.value"},
            "ResultPath": place,
            "Catch": self._failures(failure, failed),
            **next_,
        }
        states[failed] = self._report(node.name, lanes, failure)

    def _failures(self, where: str, target: str) -> list[dict[str, Any]]:
        return [catcher(TOO_LARGE, where, target), catcher("States.ALL", where, target)]

    def _report(self, at: str, lanes: Around, failure: str) -> dict[str, Any]:
        """The end of a lane that has failed.

        All of a failure is told where few lanes report to the saga's root. Of an item's, or of one
        further inside, only the name: the reports of many must fit a document.
        """
        if is_distributed(lanes):
            return failed_item(ITEM_FAILED, failure)
        shown: dict[str, Any] = {"failure": {"Error.$": f"{failure}.Error"}}
        if _tells_all(lanes):
            shown = {"failure.$": failure}
        return {
            "Type": "Pass",
            "Parameters": {"own.$": "$.lane.own", "failed": True, **shown, "at": at},
            "End": True,
        }

    def _choice(
        self,
        node: ChoiceNode,
        name: str,
        lanes: Around,
        follows: str | None,
        states: States,
    ) -> None:
        skipped = f"{name} passed"
        after = follows or skipped
        blocks = blocks_of(node)
        entries = [self._state(block[0]) if block else after for block in blocks]
        states[name] = choose(self.rules(node), entries)
        for block in blocks:
            self._sequence(block, lanes, follows, states)
        if skipped in entries:
            states[skipped] = {"Type": "Succeed", "OutputPath": "$.lane"}

    def _joined_inside(self, node: Fork, name: str, lanes: Around, follows: str | None) -> States:
        """What decides behind a fork inside of a lane: the lane reports what its own lanes did.

        At a lane's end there is nothing to decide: one Pass reports either way.
        """
        reports = path(reports_of(node.name, lanes))
        report = {
            "Type": "Pass",
            "Parameters": {
                "own.$": "$.lane.own",
                "failed.$": f"{reports}.failed",
                "failure": _lanes_failed(reports) if _tells_all(lanes) else {"Error": LANE_FAILED},
                "at": node.name,
            },
            "End": True,
        }
        if follows is None:
            return {f"{name} joined": report}
        failed = f"{name} failed in a lane"
        choices = [_if_failed(reports, failed)]
        joined = {"Type": "Choice", "Choices": choices, "Default": follows}
        return {f"{name} joined": joined, failed: report}

    def _map(self, node: MapNode, around: Around) -> dict[str, Any]:
        items = path(self._payloads.places.of(node.items, around))
        at_most = {"MaxConcurrency": node.at_most} if node.at_most else {}
        return {"Type": "Map", "ItemsPath": items, **at_most}

    # Many items

    def opened(self, node: MapNode, many: Distributed, *, fresh: bool) -> dict[str, Any]:
        """The state that records the items of a distributed map."""
        return distributed.opened(node, many, self._payloads, fresh=fresh)

    def distributed(self, node: MapNode, many: Distributed, then: str, undo: str) -> States:
        """What comes behind it, up to where the saga goes on."""
        begin = {"lane": dict(REPORT), "outer.$": "$", **_recorded_item(node)}
        lane = self._lane(node.nodes, (LaneAt(node),))
        selector = distributed.selector_of(begin)
        return distributed.around(node, many, self._payloads, lane, selector, then, undo)

    def undo_distributed(self, node: MapNode, many: Distributed, then: str, before: str) -> States:
        """The undoing of a distributed map, of all of it, or of the items that have failed."""
        begin = {"failed": False, "failure": None, **_recorded_item(node)}
        begin["undo.$"] = _recorded_address(node.undo_slot)
        lane = self._undo_lane(node.nodes)
        selector = distributed.selector_of(begin)
        return distributed.undoing(node, many, self._payloads, lane, selector, then, before)

    # Backward

    def undo(self, node: Fork, before: str) -> States:
        """The undoing of a fork at the root: a fork of its own, and what decides behind it."""
        name = f"undo {node.name}"
        states = {name: self._undo_fork(node) | {"Next": f"{name} joined"}}
        return states | self._settled(node, name, before, undo=True)

    def _undo_fork(self, node: Fork, items: str = "") -> dict[str, Any]:
        around = self._around(node)
        summary = {"ResultSelector": _summary(), "ResultPath": "$.undone"}
        if isinstance(node, ParallelNode):
            lanes = [self._undo_lane(lane.nodes) for lane in node.lanes if _undoes(lane.nodes)]
            begin = {"failed": False, "failure": None}
            return {
                "Type": "Parallel",
                "Parameters": begin | _inherited(around, undo=True),
                "Branches": lanes,
                **summary,
            }
        given = self._map(node, around)
        if items:
            given["ItemsPath"] = items
        selector = {"failed": False, "failure": None, **_item(node, around)}
        selector["undo.$"] = item_address(around, node, undo=True)
        return {
            **given,
            "ItemSelector": selector,
            "ItemProcessor": _inline(self._undo_lane(node.nodes)),
            **summary,
        }

    def _undo_lane(self, nodes: tuple[Node, ...]) -> dict[str, Any]:
        """All compensations of a lane in reverse: slots tell what there is to undo (rule 14)."""
        order = list(_backwards(nodes))
        states: States = {}
        for index, node in enumerate(order):
            last = index + 1 == len(order)
            next_ = UNDO_END if last else {"Next": self._undo_entry(order[index + 1])}
            name = f"undo {self._state(node)}"
            failed = f"{name} failed"
            states[failed] = {
                "Type": "Pass",
                "Parameters": {"failed": True, "failure": {"Error.$": "$.failure.Error"}},
                "End": True,
            }
            if is_distributed(self._around(node)):
                states[failed] = failed_item(ITEM_UNDO_FAILED, "$.failure")
            if isinstance(node, StepNode):
                assert node.compensation is not None  # noqa: S101  # for mypy
                payload = self._payloads.compensation(node)
                states[name] = {
                    **undo_comment(node),
                    **task(node.compensation.call, payload, live=True),
                    "ResultPath": None,
                    "Catch": self._failures("$.failure", failed),
                    **next_,
                }
                if node.claim and node.verify:
                    # The slots cannot tell whether it happened, so the probe is asked once more.
                    again = self._payloads.probe_again(node)
                    states[self._undo_entry(node)] = {
                        **task(node.verify, again, live=True),
                        "ResultPath": None,
                        "Catch": [
                            catcher("Rejected", None, name),
                            *self._failures("$.failure", failed),
                        ],
                        "Next": name,
                    }
                continue
            states |= self._undo_inside(node, name, failed, next_)
        return {"StartAt": self._undo_entry(order[0]), "States": states}

    def _undo_inside(self, node: Fork, name: str, failed: str, next_: dict[str, Any]) -> States:
        items = ""
        states: States = {}
        if self._must_list(node):
            assert isinstance(node, MapNode)  # noqa: S101  # for mypy
            items = "$.listed.value"
            call = items_call(node)
            states[self._undo_entry(node)] = {
                **task(call, self._payloads.items(node), live=True),
                "ResultSelector": {"value.$": "$.Payload.value"},
                "ResultPath": "$.listed",
                "Catch": self._failures("$.failure", failed),
                "Next": name,
            }
        fork = self._undo_fork(node, items)
        joined = f"{name} joined"
        partly = f"{name} failed in a lane"
        after = next_.get("Next", f"{name} passed")
        states |= {
            name: {**fork, "Catch": self._failures("$.failure", failed), "Next": joined},
            joined: {
                "Type": "Choice",
                "Choices": [_if_failed("$.undone", partly)],
                "Default": after,
            },
            partly: {
                "Type": "Pass",
                "Parameters": {"failed": True, "failure": {"Error": LANE_FAILED}},
                "End": True,
            },
        }
        if "Next" not in next_:
            states[after] = {"Type": "Succeed"}
        return states

    def _undo_entry(self, node: Node) -> str:
        prefix = "items of " if self._must_list(node) else ""
        if isinstance(node, StepNode) and node.claim and node.verify:
            prefix = "verify "
        return f"{prefix}undo {self._state(node)}"

    def _must_list(self, node: Node) -> bool:
        """Whether a map inside of a lane runs over what that lane's undoing does not know."""
        inside = bool(self._around(node))
        return inside and isinstance(node, MapNode) and node.items.origin is not Origin.ITEM

    # Both ways

    def _settled(self, node: Fork, name: str, follows: str | None, *, undo: bool) -> States:
        """A fork that must be done: where a lane failed, a Task fails, too (rule 13).

        A redrive of it runs the fork again, in which what was done is adopted.
        """
        reports = path(reports_of(node.name, self._around(node), undo=undo))
        settle, passed = f"settle {name}", f"{name} passed"
        states: States = {
            f"{name} joined": {
                "Type": "Choice",
                "Choices": [_if_failed(reports, settle)],
                "Default": follows or passed,
            },
            settle: {
                **task(settle_call(node), self._payloads.settle(node, undo=undo), live=True),
                "ResultPath": None,
                "Next": name,
            },
        }
        if follows is None:
            states[passed] = {"Type": "Succeed", "OutputPath": "$.lane"}
        return states


def _branches(node: ParallelNode) -> Iterator[tuple[Any, LaneAt]]:
    for index, lane in enumerate(node.lanes):
        yield lane, LaneAt(node, FIRST_INDEX + index, lane.name)


def _summary() -> dict[str, Any]:
    """What is known of all lanes at once, and when their fork was entered."""
    return {
        "failed.$": "States.ArrayContains($[*].failed, true)",
        "failures.$": "$[*].failure",
        "since.$": "$$.State.EnteredTime",
    }


def _tells_all(lanes: Around) -> bool:
    return len(lanes) == 1 and isinstance(lanes[0].fork, ParallelNode)


def _lanes_failed(reports: str) -> dict[str, Any]:
    """The failure of a fork of which lanes have failed: theirs, in their order."""
    return {"Error": LANE_FAILED, "Cause.$": f"States.JsonToString({reports}.failures)"}


def _if_failed(reports: str, target: str) -> dict[str, Any]:
    return {"Variable": f"{reports}.failed", "BooleanEquals": True, "Next": target}


def _inline(processor: dict[str, Any]) -> dict[str, Any]:
    return {"ProcessorConfig": {"Mode": "INLINE"}, **processor}


def _inherited(around: Around, *, undo: bool = False) -> dict[str, Any]:
    """What a branch keeps of the lane around it: the items of maps, and their address."""
    if not any(isinstance(lane.fork, MapNode) for lane in around):
        return {}
    kept = {"items.$": "$.items", "at.$": "$.at"}
    return kept | {"undo.$": "$.undo"} if undo else kept


def _item(node: MapNode, around: Around) -> dict[str, Any]:
    """What an item's lane knows of its item, and of those of the maps around it."""
    outer = [lane.fork.item for lane in around if isinstance(lane.fork, MapNode)]
    items = {f"{name}.$": f"$.items.{name}" for name in outer}
    return {
        "items": {**items, f"{node.item}.$": "$$.Map.Item.Value"},
        "at.$": item_address(around, node),
    }


def _recorded_item(node: MapNode) -> dict[str, Any]:
    """What an item's execution knows of its item, which says itself which it is."""
    return {
        "items": {f"{node.item}.$": "$$.Map.Item.Value.item"},
        "at.$": _recorded_address(node.slot),
    }


def _recorded_address(slot: tuple[int, ...]) -> str:
    return f"States.Array({slot[0]}, $$.Map.Item.Value.index)"


def _undoes(nodes: tuple[Node, ...]) -> bool:
    return any(step.compensation for step in steps_of(nodes))


def _backwards(nodes: tuple[Node, ...]) -> Iterator[StepNode | Fork]:
    """What a lane's undoing does, in its order: both ways of a choice, of which one was gone."""
    for node in reversed(nodes):
        match node:
            case StepNode(compensation=compensation) if compensation is not None:
                yield node
            case ChoiceNode(branches=branches, otherwise=otherwise):
                yield from _backwards(otherwise)
                for branch in reversed(branches):
                    yield from _backwards(branch.nodes)
            case ParallelNode(undo_slot=slot) | MapNode(undo_slot=slot) if slot:
                yield node
            case _:
                pass
