"""What the Tasks of a saga send: the calls that the runtime takes (`stepsaga.runtime.call`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepsaga.asl.openers import openers
from stepsaga.asl.positions import Places, path, positions
from stepsaga.asl.shares import shares
from stepsaga.asl.times import ITEMS_SECONDS, SETTLE_SECONDS, looks_at_input
from stepsaga.graph import (
    MapNode,
    Origin,
    StepNode,
    closing_step,
    data_of,
    distributed_of,
    steps_of,
    takes_links,
    walk,
)
from stepsaga.limits import FIRST_INDEX, SHARE
from stepsaga.runtime.call import EVERY, Part

if TYPE_CHECKING:
    from stepsaga.asl.positions import Lanes
    from stepsaga.graph import Call, Distributed, Fork, Node, Question, SagaGraph, Slot


class Payloads:
    """Makes the payloads of one saga's calls.

    Args:
        graph: The saga.
        fingerprint: Of its release.
    """

    def __init__(self, graph: SagaGraph, fingerprint: str) -> None:
        self.graph = graph
        self.fingerprint = fingerprint
        self.positions = positions(graph)
        self.places = Places(self.positions)
        self.checks_input = looks_at_input(graph)
        self.openers = frozenset(openers(graph.nodes))
        self.shares = shares(graph.nodes)
        self.looked_into = frozenset(
            datum.name for datum in data_of(graph.nodes) if datum.origin is Origin.STEP
        )
        self._lists = _mapped_lists(graph.nodes)
        self._slots = {node.name: node.slot for node in steps_of(graph.nodes)}
        self._slots |= {node.name: many.end for node, many in distributed_of(graph.nodes)}

    def forward(self, node: StepNode, *, fresh: bool) -> dict[str, Any]:
        """A step's own call.

        Args:
            node: The step.
            fresh: Whether the document still is the input, so that it holds no results.
        """
        lanes = self.positions[node.name].lanes
        part = Part.QUESTION if node.question else Part(node.role.value)
        payload = self._call(node, node.call, part)
        if node.question:
            payload["token.$"] = "$$.Task.Token"
            if to := node.question.to:
                payload["to"] = {"channel": to.channel.value, "name": to.name}
            payload |= _event_field(node.question)
            if takes_links(node.call):
                payload["links"] = node.question.seconds
        payload |= _child_fields(node, node.call)
        undoable = payload["part"] != Part.RETRIABLE
        if undoable and self.graph.deadline is not None:
            payload["deadline"] = self.graph.deadline
        self._mark(payload, node)
        if not fresh:
            payload |= self._document(lanes)
        payload |= self._model(node)
        return payload | lane_fields(lanes) | self._most(node.name) | self._size(node)

    def unanswered(self, node: StepNode, failure: str) -> dict[str, Any]:
        """The call that decides what becomes of a question to which no answer came (rule 26).

        Args:
            node: The question.
            failure: Where the document has what became of its Task.
        """
        assert node.question is not None  # noqa: S101  # for mypy
        payload = self._base(node.name, Part.UNANSWERED, node.slot)
        if node.question.otherwise is not None:
            payload["otherwise"] = dict(node.question.otherwise)
        self._mark(payload, node)
        payload |= _event_field(node.question)
        lanes = self.positions[node.name].lanes
        return payload | self._context() | {"failure.$": failure} | lane_fields(lanes)

    def probe(self, node: StepNode, call: Call) -> dict[str, Any]:
        """The call that settles what became of a step: by a probe, or by its slot alone."""
        payload = self._call(node, call, Part.VERIFY)
        self._mark(payload, node)
        if call.handler:
            payload |= self._document(self.positions[node.name].lanes)
            payload |= self._most(node.name) | self._size(node)
        return payload | lane_fields(self.positions[node.name].lanes)

    def probe_again(self, node: StepNode) -> dict[str, Any]:
        """The call of a probe where a lane is undone: its document is gone (rule 22)."""
        assert node.verify is not None  # noqa: S101  # for mypy
        return self._without_document(node, node.verify, Part.VERIFY)

    def forward_again(self, node: StepNode) -> dict[str, Any]:
        """The call of a step after the pivot where its saga goes on from its log (rule 16)."""
        payload = self._without_document(node, node.call, Part.RETRIABLE)
        return payload | self._model(node)

    def _without_document(self, node: StepNode, call: Call, part: Part) -> dict[str, Any]:
        lanes = self.positions[node.name].lanes
        payload = self._call(node, call, part, with_places=False)
        self._mark(payload, node)
        payload |= self._most(node.name) | self._size(node)
        return payload | self._read_instead(node, call, lanes) | lane_fields(lanes)

    def _model(self, node: StepNode) -> dict[str, Any]:
        """In the first call of a definition that does not look at the input: its type."""
        first = node.name in self.openers and not self.checks_input
        return {"model": self.graph.input.model} if first and self.graph.input.model else {}

    def compensation(self, node: StepNode) -> dict[str, Any]:
        """The call that undoes a step: it carries no results (rule 22)."""
        assert node.compensation is not None  # noqa: S101  # for mypy
        call = node.compensation.call
        lanes = self.positions[node.name].lanes
        payload = self._call(node, call, Part.COMPENSATION, with_places=False)
        payload["slot"] = list(node.compensation.slot)
        payload["undoes"] = list(node.slot)
        payload |= self._read_instead(node, call, lanes)
        payload |= _child_fields(node, call)
        if node.name in self.openers:
            payload["opens"] = True
        return payload | lane_fields(lanes) | undo_fields(lanes)

    def adopt(self, node: StepNode, done: str) -> dict[str, Any]:
        """The call that looks what became of an action whose record found its slot taken.

        Args:
            node: The step.
            done: Where the document has what the action came to.
        """
        payload = self._base(node.name, Part.ADOPT, node.slot)
        self._mark(payload, node)
        lanes = self.positions[node.name].lanes
        return payload | self._context() | {"done.$": done} | lane_fields(lanes)

    def check_input(self) -> dict[str, Any]:
        """The call whose value is the input as its model normalises it (rule 20)."""
        payload = self._base("input", Part.INPUT, (0,))
        return {
            **payload,
            "model": self.graph.input.model,
            **self._most(""),
            **self._context(),
        }

    def items(self, node: MapNode) -> dict[str, Any]:
        """The call that finds a map's items again, to undo them: nothing of its lane is left."""
        lanes = self.positions[node.name].lanes
        datum = node.items
        source = datum.name or self.graph.input.name
        payload = self._base(node.name, Part.ITEMS, node.slot)
        payload["takes"] = {"items": [source, *datum.path]}
        if datum.origin is Origin.STEP:
            payload["reads"] = {
                datum.name: self.places.slot_of(datum.name, self._slots[datum.name], lanes)
            }
        else:
            payload["model"] = self.graph.input.model
        return payload | self._context() | lane_fields(lanes)

    def open_items(self, node: MapNode, many: Distributed, *, fresh: bool) -> dict[str, Any]:
        """The call that records a distributed map's items before anything is done with one."""
        payload = self._many(node, many, Part.OPEN, node.slot)
        payload["takes"] = {"items": [node.items.name or self.graph.input.name, *node.items.path]}
        if node.items.origin is Origin.INPUT and self.graph.input.model:
            payload["model"] = self.graph.input.model
        if node.items.origin is Origin.STEP:
            keys = self.places.of_step(node.items.name, self.positions[node.name].lanes)
            if keys != (node.items.name, "value"):
                payload["places"] = {node.items.name: list(keys)}
        if self.graph.deadline is not None:
            payload["deadline"] = self.graph.deadline
        if node.name in self.openers:
            payload["opens"] = True
        return payload | ({} if fresh else {"results.$": "$"})

    def close_items(self, node: MapNode, many: Distributed) -> dict[str, Any]:
        """The call that says what a distributed map came to."""
        return self._many(node, many, Part.CLOSE, many.end) | {"ran.$": f"$.{node.name}"}

    def settle_items(self, node: MapNode, many: Distributed) -> dict[str, Any]:
        """The call that fails where the undoing of an item has failed (rule 13)."""
        payload = self._many(node, many, Part.SETTLE_ITEMS, node.undo_slot)
        return payload | {"ran.$": "$.undone", "since.$": "$.undone.run.since"}

    def _many(self, node: MapNode, many: Distributed, part: Part, slot: Slot) -> dict[str, Any]:
        told = {"source": many.source.value, "model": many.model, "item": node.item}
        payload = self._base(node.name, part, slot, seconds=ITEMS_SECONDS)
        payload["many"] = told | {"tolerated": many.tolerated}
        return payload | self._context()

    def settle(self, node: Fork, *, undo: bool) -> dict[str, Any]:
        """The call that fails where a lane has failed, and lets a redrive try again (rule 13)."""
        lanes = self.positions[node.name].lanes
        slot = node.undo_slot if undo else node.slot
        reports = path(reports_of(node.name, lanes, undo=undo))
        return {
            **self._base(node.name, Part.SETTLE, slot),
            **self._context(),
            "since.$": f"{reports}.since",
            "failures.$": f"{reports}.failures",
            **(undo_fields(lanes) if undo else lane_fields(lanes)),
        }

    def _base(
        self,
        step: str,
        part: Part,
        slot: Slot,
        *,
        handler: str = "",
        seconds: int = SETTLE_SECONDS,
    ) -> dict[str, Any]:
        """What every call has; one without a handler is the runtime's own."""
        return {
            "saga": self.graph.name,
            "step": step,
            "part": part.value,
            **({"handler": handler} if handler else {}),
            "slot": list(slot),
            "seconds": seconds,
            "input": self.graph.input.name,
        }

    def _context(self, lanes: Lanes = ()) -> dict[str, Any]:
        if not is_distributed(lanes):
            return {
                "fingerprint": self.fingerprint,
                "execution.$": "$$.Execution",
                "state.$": "$$.State",
            }
        # An item's execution is not the saga's: which that is, the map has put into its input.
        return {
            "fingerprint": self.fingerprint,
            "execution.$": "$.execution",
            "by.$": "$$.Execution",
            "state.$": "$$.State",
            "shard.$": "$.shard",
        }

    def _document(self, lanes: Lanes) -> dict[str, Any]:
        """The results that a call carries; of an item's execution without what says whose it is."""
        if not is_distributed(lanes):
            return {"results.$": "$"}
        return {"results": {f"{key}.$": f"$.{key}" for key in ("lane", "outer", "items")}}

    def _call(
        self, node: StepNode, call: Call, part: Part, *, with_places: bool = True
    ) -> dict[str, Any]:
        payload = self._base(node.name, part, node.slot, handler=call.handler, seconds=call.seconds)
        takes = {
            parameter.name: [parameter.step or self.graph.input.name, *parameter.path]
            for parameter in call.parameters
            if parameter.explicit
        }
        if takes:
            payload["takes"] = takes
        if with_places and (places := self._places(node, call)):
            payload["places"] = places
        if call.retry and call.retry.only:
            payload["only"] = sorted(call.retry.only)
        if call.retry and call.retry.never:
            payload["never"] = sorted(call.retry.never)
        if node.claim:
            payload["claim"] = True
        if node.service:
            payload["service"] = True
        return payload | self._context(self.positions[node.name].lanes)

    def _places(self, node: StepNode, call: Call) -> dict[str, list[str]]:
        """Where a call's results are in the document, but for those that stand by their name."""
        lanes = self.positions[node.name].lanes
        found: dict[str, list[str]] = {}
        for parameter in call.parameters:
            if parameter.origin is Origin.ITEM:
                found[parameter.step] = ["items", parameter.step]
            elif parameter.origin is Origin.STEP:
                keys = self.places.of_step(parameter.step, lanes)
                if keys != (parameter.step, "value") or self.positions[parameter.step].optional:
                    found[parameter.step] = list(keys)
        return found

    def _read_instead(self, node: StepNode, call: Call, lanes: Lanes) -> dict[str, Any]:
        """What a call that carries no results reads from the stream, and the items around it."""
        found: dict[str, Any] = {}
        if reads := self._reads(call, lanes, node.name):
            found["reads"] = reads
        if any(parameter.origin is Origin.ITEM for parameter in call.parameters):
            found["items.$"] = "$.items"
        return found

    def _reads(self, call: Call, lanes: Lanes, own: str) -> dict[str, list[object]]:
        """The slots of the other steps whose results a compensation takes (rule 22)."""
        return {
            parameter.step: self.places.slot_of(parameter.step, self._slots[parameter.step], lanes)
            for parameter in call.parameters
            if parameter.origin is Origin.STEP and parameter.step != own
        }

    def _mark(self, payload: dict[str, Any], node: StepNode) -> None:
        if node.name in self.openers:
            payload["opens"] = True
        if node is closing_step(self.graph):
            payload["closes"] = True

    def _most(self, source: str) -> dict[str, Any]:
        """How many items the lists of a step's result may have, or of the input (rule 25)."""
        lists = [[list(keys), most] for keys, most in self._lists.get(source, {}).items()]
        return {"most": lists} if lists else {}

    def _size(self, node: StepNode) -> dict[str, Any]:
        """How large a result may be that stays in the document (rule 22)."""
        if node.name in self.looked_into:
            return {"inline": True}
        share = self.shares[node.name]
        return {"share": share} if share > SHARE else {}


def _event_field(question: Question) -> dict[str, Any]:
    """The business event that a call waits for, or looks for once more."""
    awaited = question.event
    if awaited is None:
        return {}
    event = {
        "source": awaited.event.source,
        "name": awaited.event.name,
        "by": list(awaited.by),
        "since": awaited.since,
        "seconds": question.seconds,
    }
    return {"event": event}


def _child_fields(node: StepNode, call: Call) -> dict[str, Any]:
    """What a call has that starts a saga, or has it undone (rule 28)."""
    if node.child is None:
        return {}
    child = {"saga": node.child.name, "input": node.child.input}
    if call is node.call:
        child |= {"model": node.child.model, "result": node.child.result}
    return {"child": {k: v for k, v in child.items() if v}, "token.$": "$$.Task.Token"}


def _mapped_lists(nodes: tuple[Node, ...]) -> dict[str, dict[tuple[str, ...], int]]:
    """The bounds of the lists that maps run over, by the step that they come from, and their keys.

    The input's are under the empty name. A list of an outer map's items comes from where these do.
    """
    inline = [n for n in walk(nodes) if isinstance(n, MapNode) and not n.distributed]
    maps = {node.item: node for node in inline}

    def origin(node: MapNode) -> tuple[str, tuple[str, ...]]:
        datum = node.items
        if datum.origin is not Origin.ITEM:
            return datum.name, datum.path
        source, keys = origin(maps[datum.name])
        return source, (*keys, EVERY, *datum.path)

    found: dict[str, dict[tuple[str, ...], int]] = {}
    for node in inline:
        source, keys = origin(node)
        lists = found.setdefault(source, {})
        lists[keys] = min(node.most, lists.get(keys, node.most))
    return found


def is_distributed(lanes: Lanes) -> bool:
    """Whether lanes are those of a distributed map's items."""
    return bool(lanes) and isinstance(lanes[0].fork, MapNode) and bool(lanes[0].fork.distributed)


def reports_of(name: str, lanes: Lanes, *, undo: bool = False) -> tuple[str, ...]:
    """Where the document has the reports of a fork's lanes."""
    if undo:
        return ("undone",)
    return ("lane", "own", name) if lanes else (name,)


def lane_fields(lanes: Lanes) -> dict[str, Any]:
    """In a lane: the parts that stand before its slots."""
    return _address_field("lane", *_address(lanes))


def undo_fields(lanes: Lanes) -> dict[str, Any]:
    """In a lane of an undoing: the parts that stand before the slots of compensations."""
    return _address_field("undo", *_address(lanes, undo=True))


def _address_field(name: str, base: str, parts: list[str]) -> dict[str, Any]:
    if base:
        return {f"{name}.$": base if not parts else f"States.Array({', '.join([base, *parts])})"}
    return {name: [int(part) for part in parts]} if parts else {}


def _address(lanes: Lanes, *, undo: bool = False) -> tuple[str, list[str]]:
    """The path of the part that a map has put into the document, and the parts behind it."""
    base, parts = "", []
    for lane in lanes:
        if lane.index:
            slot = lane.fork.undo_slot if undo else lane.fork.slot
            parts += [str(slot[0] if slot else 0), str(lane.index)]
        else:
            base, parts = ("$.undo" if undo else "$.at"), []
    return base, parts


def own_address(payloads: Payloads, node: StepNode) -> tuple[str, ...]:
    """A step's slot below its run, one text for each part: constants, and paths to items' numbers.

    An item's lane has its address in its document, with that of the item around it in the first
    place: see `item_address`.
    """
    lanes = payloads.positions[node.name].lanes
    parts: list[str] = []
    inner = sum(not lane.index for lane in lanes)
    place = 0
    for lane in lanes:
        parts.append(f"{lane.fork.slot[0]:05d}")
        place += 2
        if lane.index:
            parts.append(f"{lane.index:05d}")
            continue
        inner -= 1
        parts.append(f"$.at{'[0]' * inner}[{place - 1}]")
        place = 1  # behind the address of this item
    return (*parts, *(f"{part:05d}" for part in node.slot))


def item_address(lanes: Lanes, node: MapNode, *, undo: bool = False) -> str:
    """The address of an item's lane, for a map's ItemSelector."""
    base, parts = _address(lanes, undo=undo)
    slot = node.undo_slot if undo else node.slot
    index = f"States.MathAdd($$.Map.Item.Index, {FIRST_INDEX})"
    return f"States.Array({', '.join(filter(None, [base, *parts, str(slot[0]), index]))})"
