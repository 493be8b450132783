"""Rules on expressions: each is one, and what it names is there whenever the state runs.

``States.Runtime``, which a missing value raises, cannot be caught: such an ending would undo
nothing. So the document is followed through the machine. Known of it are the keys that it has on
every way to a state; an execution's input may be anything, so that nothing is known of it.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.expressions import (
    FALLIBLE,
    Function,
    IntrinsicError,
    Path,
    PathError,
    functions,
    parse,
    parse_path,
    parse_reference,
    paths,
)
from stepsaga.asl.findings import states, table, tables, targets

if TYPE_CHECKING:
    from stepsaga.asl.findings import Findings

Shape = dict[str, Any] | None
"""The keys that an object has for certain, with their shapes; None for what may be anything."""


class _Vouched(dict[str, Any]):
    """The shape of a value that the checks know the type of: what a path names in it is there."""

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: str) -> _Vouched:
        return self


VOUCHED: Final = _Vouched()
"""Of results, items and the normalised input: authors' paths into them are resolved by type."""

CONTEXT: Final[dict[str, Any]] = {
    "Execution": {"Id": None, "Input": None, "Name": None, "RoleArn": None, "StartTime": None},
    "State": {"EnteredTime": None, "Name": None},
    "StateMachine": {"Id": None, "Name": None},
}
"""What the context object always has. ``RedriveCount`` is absent before a redrive.
https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html"""

TASK_CONTEXT: Final = CONTEXT | {"State": CONTEXT["State"] | {"RetryCount": None}}
TOKEN_CONTEXT: Final = TASK_CONTEXT | {"Task": {"Token": None}}
ITEM_CONTEXT: Final = TASK_CONTEXT | {"Map": {"Item": {"Index": None, "Value": VOUCHED}}}

RESULTS: Final[dict[str, Shape]] = {
    "arn:aws:states:::lambda:invoke": {"Payload": {"value": VOUCHED}, "StatusCode": None},
    "arn:aws:states:::lambda:invoke.waitForTaskToken": {"value": VOUCHED},
    "arn:aws:states:::sqs:sendMessage": {"MessageId": None},
    "arn:aws:states:::sns:publish": {"MessageId": None},
}
"""What a resource's result has for certain. A handler's reply is always ``{"value": ...}``, and so
is an answer: nobody but stepsaga knows the token.
"""

ERROR: Final[dict[str, Any]] = {"Error": None}
"""A caught error; ``Cause`` can be absent."""


def check_expressions(definition: dict[str, Any], found: Findings) -> None:
    """Rules S610, S611, S612 and S623 on every expression of every block."""
    _Block(states(definition), definition.get("StartAt"), found).check(None)


class _Block:
    """One block of states."""

    def __init__(self, known: dict[str, dict[str, Any]], start: Any, found: Findings) -> None:
        self.states = known
        self.start = start
        self.found = found

    def check(self, begin: Shape) -> None:
        """Check it where this is known of the document that it begins with."""
        shapes = self._shapes(begin)
        for name, state in self.states.items():
            reached = name in shapes  # what is not has a problem already
            one = _State(name, state, shapes.get(name), self.found, reached=reached)
            one.run()
            for block in _inside(state):
                _Block(states(block), block.get("StartAt"), self.found).check(one.given())

    def _shapes(self, begin: Shape) -> dict[str, Shape]:
        """What is known of the document on entering each state, on every way that leads there.

        States are taken in an order in which each comes after those that lead to it, so that
        without loops each is taken once.
        """
        shapes: dict[str, Shape] = {}
        if not isinstance(self.start, str) or self.start not in self.states:
            return shapes
        order = self._order(self.start)
        names = sorted(order, key=order.__getitem__)
        shapes[self.start] = begin
        waiting = [order[self.start]]
        while waiting:
            name = names[heappop(waiting)]
            for target, shape in _State(name, self.states[name], shapes[name], None).run():
                if target not in self.states:
                    continue
                met = _meet(shapes[target], shape) if target in shapes else shape
                if target not in shapes or met != shapes[target]:
                    shapes[target] = met
                    if order[target] not in waiting:
                        heappush(waiting, order[target])
        return shapes

    def _order(self, start: str) -> dict[str, int]:
        """The states that can be reached, numbered in reverse postorder."""
        finished: list[str] = []
        seen = {start}
        stack = [(start, iter(targets(self.states[start])))]
        while stack:
            name, ahead = stack[-1]
            for _, target in ahead:
                if target in self.states and target not in seen:
                    seen.add(target)
                    stack.append((target, iter(targets(self.states[target]))))
                    break
            else:
                finished.append(name)
                stack.pop()
        return {name: number for number, name in enumerate(reversed(finished))}


class _State:
    """One state, run on what is known of its input; without ``found`` nothing is reported."""

    def __init__(
        self,
        name: str,
        state: dict[str, Any],
        known: Shape,
        found: Findings | None,
        *,
        reached: bool = True,
    ) -> None:
        self.name, self.state, self.known, self.found = name, state, known, found
        self.reached = reached
        waits = state.get("Type") in ("Task", "Parallel", "Map")
        asks = str(state.get("Resource")).endswith(".waitForTaskToken")
        self.context = TOKEN_CONTEXT if asks else TASK_CONTEXT if waits else CONTEXT

    def run(self) -> list[tuple[str, Shape]]:
        """The states that can follow, and what is known of their input."""
        state = self.state
        given = self._selected("InputPath", self.known)
        result = self._result(given)
        if "ResultSelector" in state:
            result = self._template("ResultSelector", state["ResultSelector"], result)
        self._read(given)
        after = self._placed("ResultPath", state.get("ResultPath", "$"), self.known, result)
        out = self._selected("OutputPath", after)
        following = [
            (target, out) for field, target in targets(state) if not field.startswith("Catch")
        ]
        for number, catcher in enumerate(tables(state.get("Catch"))):
            where = f"Catch[{number}].ResultPath"
            caught = self._placed(where, catcher.get("ResultPath", "$"), self.known, ERROR)
            if isinstance(next_state := catcher.get("Next"), str):
                following.append((next_state, caught))
        return following

    def given(self) -> Shape:
        """What is known of the document that a branch or an item begins with."""
        quiet = _State(self.name, self.state, self.known, None)
        selected = quiet._selected("InputPath", self.known)  # its own class
        for field, context in (("Parameters", None), ("ItemSelector", ITEM_CONTEXT)):
            if field in self.state:
                return quiet._template(field, self.state[field], selected, context)
        return None if "ItemProcessor" in self.state else selected

    def _read(self, given: Shape) -> None:
        """What a state reads without making anything of it."""
        state = self.state
        for field in ("ErrorPath", "CausePath"):
            if field in state:
                self._expression(field, state[field], given)
        for field in ("SecondsPath", "TimestampPath", "ItemsPath"):
            if field in state:
                self._path(field, state[field], given)
        for field, variable in _variables(state.get("Choices"), "Choices", frozenset()):
            self._path(field, variable, given)
        for variable in _asked_for(state.get("Choices")):
            self._path("Choices", variable, VOUCHED)  # may be missing, but is a path

    def _result(self, given: Shape) -> Shape:
        state, kind = self.state, self.state.get("Type")
        if "Parameters" in state:
            given = self._template("Parameters", state["Parameters"], given)
        if "ItemSelector" in state:
            self._template("ItemSelector", state["ItemSelector"], given, ITEM_CONTEXT)
        for field in ("ItemReader", "ResultWriter"):
            if "Parameters" in (inner := table(state.get(field))):
                self._template(f"{field}.Parameters", inner["Parameters"], given)
        if kind == "Task":
            resource = state.get("Resource")
            return RESULTS.get(resource) if isinstance(resource, str) else None
        if kind in ("Parallel", "Map"):
            return VOUCHED  # every lane ends with its report
        return _shape_of(state["Result"]) if "Result" in state else given

    def _selected(self, field: str, shape: Shape) -> Shape:
        path = self.state.get(field, "$")
        return {} if path is None else self._path(field, path, shape)

    def _placed(self, field: str, path: Any, shape: Shape, value: Shape) -> Shape:
        """The document with a value put at a place of it."""
        if path is None:
            return shape
        if not isinstance(path, str):
            return None
        try:
            tokens = parse_reference(path).tokens
        except PathError as error:
            self._add("S611", f"{field} is {path!r}: {error}", "write a reference path: $.charge")
            return None
        if tokens and shape is None:
            text = f"{field} puts {path!r} into a document that may be no object"
            hint = "replace the document as a whole first: an execution's input may be `5`"
            self._add("S612", text, hint)
        return _put(shape, tokens, value)

    def _template(
        self, field: str, template: Any, shape: Shape, context: dict[str, Any] | None = None
    ) -> Shape:
        if isinstance(template, list):
            for number, item in enumerate(template):
                self._template(f"{field}[{number}]", item, shape, context)
            return None
        if not isinstance(template, dict):
            return None
        made: dict[str, Any] = {}
        for key, item in template.items():
            where = f"{field}.{key}"
            if not key.endswith(".$"):
                self._literal(where, item)
                # Null stands for what a choice may pass over: only behind that choice, or where
                # the same question is asked again, does anything look into it.
                made[key] = VOUCHED if item is None else self._template(where, item, shape, context)
                continue
            if key[:-2] in template or key == ".$":
                text = f"{where} has no name of its own"
                self._add("S623", text, "give a key once, with `.$` or without it")
            made[key[:-2]] = self._expression(where, item, shape, context)
        return made

    def _literal(self, where: str, item: Any) -> None:
        if isinstance(item, str) and item.startswith(("$.", "$$.", "$[", "States.")):
            text = f"{where} is {item!r}, which is taken as it stands"
            self._add("S623", text, "let the key end in `.$` to have it evaluated")

    def _expression(
        self, field: str, text: Any, shape: Shape, context: dict[str, Any] | None = None
    ) -> Shape:
        if not isinstance(text, str):
            self._add(
                "S623", f"{field} is {text!r}", "a key that ends in `.$` has a path as its value"
            )
            return None
        try:
            expression = parse(text)
        except PathError as error:
            self._add("S611", f"{field} is {text!r}: {error}", "write a path: $.charge.value")
            return None
        except IntrinsicError as error:
            hint = "write a path, or an intrinsic function of May 2024: States.Format('{}', $.id)"
            self._add("S610", f"{field} is {text!r}: {error}", hint)
            return None
        for name in functions(expression):
            if name in FALLIBLE:
                self._missing(field, f"{name} fails on what it cannot read")
        shapes = [self._looked_up(field, path, shape, context) for path in paths(expression)]
        if isinstance(expression, Function):
            # An address of a lane: what is in it follows from where the lane is.
            return VOUCHED if expression.name == "States.Array" else None
        return shapes[0]

    def _path(self, field: str, text: Any, shape: Shape) -> Shape:
        if not isinstance(text, str):
            return None
        try:
            return self._looked_up(field, parse_path(text), shape, None)
        except PathError as error:
            self._add("S611", f"{field} is {text!r}: {error}", "write a path: $.charge.value")
            return None

    def _looked_up(
        self, field: str, path: Path, shape: Shape, context: dict[str, Any] | None
    ) -> Shape:
        at: Shape = (context or self.context) if path.context else shape
        for token in path.tokens:
            if token is None:
                return None
            if at is None or token not in at:
                self._missing(field, f"{path.text} may not be there")
                return None
            at = at[token]
        return at

    def _missing(self, field: str, text: str) -> None:
        hint = "name only what every way to this state has put there: nothing can catch the error"
        self._add("S612", f"{field}: {text}", hint)

    def _add(self, code: str, text: str, hint: str) -> None:
        if self.found is not None and (self.reached or code != "S612"):
            self.found.add(code, self.name, text, hint)


def _inside(state: dict[str, Any]) -> list[dict[str, Any]]:
    """The blocks directly inside of a state."""
    single = [state.get("ItemProcessor"), state.get("Iterator")]
    return [*tables(state.get("Branches")), *(one for one in single if isinstance(one, dict))]


def _variables(
    choices: Any, where: str, asked: frozenset[str], *, every: bool = False
) -> list[tuple[str, Any]]:
    """The variables that choices compare, without those that were asked for before them.

    Args:
        choices: The rules.
        where: The field that they are in.
        asked: What is known to be there.
        every: Whether a rule is looked at only where those before it are true: an ``And``.
    """
    found: list[tuple[str, Any]] = []
    for number, choice in enumerate(tables(choices)):
        place = f"{where}[{number}]"
        found += _variables(choice.get("And"), f"{place}.And", asked, every=True)
        found += _variables(choice.get("Or"), f"{place}.Or", asked)
        if isinstance(choice.get("Not"), dict):
            found += _variables([choice["Not"]], f"{place}.Not", asked)
        if every and choice.get("IsPresent") is True and isinstance(choice.get("Variable"), str):
            asked |= {choice["Variable"]}
        compared = {} if "IsPresent" in choice else {"Variable": choice.get("Variable")}
        compared |= {field: value for field, value in choice.items() if field.endswith("Path")}
        found += [
            (f"{place}.{field}", value)
            for field, value in compared.items()
            if value is not None and value not in asked
        ]
    return found


def _asked_for(choices: Any) -> list[Any]:
    """The variables of which choices ask whether they are there."""
    found: list[Any] = []
    for choice in tables(choices):
        inner = [*tables(choice.get("And")), *tables(choice.get("Or")), table(choice.get("Not"))]
        found += _asked_for([one for one in inner if one])
        if "IsPresent" in choice:
            found.append(choice.get("Variable"))
    return found


def _shape_of(value: Any) -> Shape:
    if not isinstance(value, dict):
        return None
    return {key: _shape_of(item) for key, item in value.items()}


def _put(shape: Shape, tokens: tuple[Any, ...], value: Shape) -> Shape:
    if not tokens:
        return value
    if not isinstance(tokens[0], str):
        return None
    inner = table(shape).get(tokens[0])
    return {**table(shape), tokens[0]: _put(inner, tokens[1:], value)}


def _meet(one: Shape, other: Shape) -> Shape:
    """What both have."""
    if one is other:
        return one
    if one is None or other is None:
        return None
    if one is VOUCHED or other is VOUCHED:
        return one if other is VOUCHED else other
    if one.items() <= other.items():
        return one
    if other.items() <= one.items():
        return other
    return {key: _meet(one[key], other[key]) for key in one if key in other}
