"""What a release means for what an older one has left: one function a rule.

Who meets the new code is decided by rule 12. Steps up to the pivot call the version of their own
release: nothing that is deployed later changes them, nor a running saga's definition, its slots,
its times. Compensations, probes and the steps after the pivot call the alias ``live``, with a
payload that the *old* definition makes. So do calls of the runtime's own. Undo from the log will
call the same compensations. Whoever answers a question does so with the new class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.names import live_name, participants
from stepsaga.asl.positions import positions
from stepsaga.asl.release import substitutions
from stepsaga.compat.changes import changes
from stepsaga.compat.code import Unseen
from stepsaga.compat.findings import Finding, Weight, Whom
from stepsaga.compat.inclusion import Verdict, reads
from stepsaga.compat.releases import DATA, calls_of
from stepsaga.compat.schemas import Schema
from stepsaga.graph import ChoiceNode, MapNode, Origin, StepNode, blocks_of, steps_of, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.compat.code import Deployment, Taken
    from stepsaga.compat.inclusion import Answer
    from stepsaga.compat.releases import LiveCall, Release
    from stepsaga.graph import Node


@dataclass(frozen=True, slots=True)
class Fill:
    """What an old call gives a parameter.

    Attributes:
        given: What is there; None where that cannot be told.
        before: What read it in the old release; None where nothing did.
        raw: It is the saga's input, as its sender wrote it.
    """

    given: Schema | None
    before: Schema | None = None
    raw: bool = False


@dataclass(frozen=True, slots=True)
class About:
    """What a finding is about: its code, the step's name (empty for the saga itself), for whom."""

    code: str
    name: str
    whom: Whom


@dataclass(frozen=True, slots=True)
class Pair:
    """An old release, and what is deployed now."""

    old: Release
    new: Deployment

    def broken(self, about: About, text: str, hint: str) -> Finding:
        """A break."""
        return self._finding(about, Weight.BREAK, text, hint)

    def noted(self, about: About, text: str, hint: str = "") -> Finding:
        """A note."""
        return self._finding(about, Weight.NOTE, text, hint)

    def unseen(self, about: About, what: str) -> Finding:
        """A note that there is nothing to tell it by."""
        text = f"whether {what} cannot be told from committed releases"
        return self.noted(replace(about, code="S711"), text, "compare with the source")

    def judged(
        self, about: About, reader: str, what: str, hint: str, answer: Answer
    ) -> Iterator[Finding]:
        """What it means that a reader reads something, does not, or nobody knows."""
        why = "; ".join(answer.reasons)
        if answer.verdict is Verdict.NO:
            yield self.broken(about, f"{reader} does not read {what}: {why}", hint)
        elif answer.verdict is Verdict.UNKNOWN:
            text = f"whether {reader} reads {what} cannot be told: {why}"
            yield self.noted(replace(about, code="S711"), text, "look for yourself, or test it")

    def _finding(self, about: About, weight: Weight, text: str, hint: str) -> Finding:
        subject = ".".join(filter(None, [self.old.saga, about.name]))
        return Finding(about.code, subject, weight, about.whom, text, hint, (self.old.mark,))


def sagas(pair: Pair) -> Iterator[Finding]:
    """S701: a saga that is gone."""
    if pair.old.saga in pair.new.releases:
        return
    handlers = {one.call.handler for one in calls_of(pair.old.graph)}
    like = [
        saga
        for saga, release in pair.new.releases.items()
        if len(handlers & {one.call.handler for one in calls_of(release.graph)}) > len(handlers) / 2
    ]
    hint = "keep the class; nobody has to start it"
    if like:
        hint = f"keep its name, by which streams and machine are called: {like[0]} does the same"
    text = (
        "no saga has that name any more: its alarms go, and outside of prod its machine, which ends"
        " what runs on it"
    )
    yield pair.broken(About("S701", "", Whom.RUNNING), text, hint)


def functions(pair: Pair) -> Iterator[Finding]:
    """S702: a participant that is gone, but is called by its alias."""
    gone = [one for one in _live_participants(pair.old) if one not in pair.new.participants()]
    if gone:
        have, what = ("has", "its log group goes") if len(gone) == 1 else ("have", "log groups go")
        text = (
            f"{', '.join(gone)} {have} no function any more: what is deployed stays as it is and is"
            f" called on, but no release can mend it, and {what}"
        )
        yield pair.broken(
            About("S702", "", Whom.RUNNING), text, "keep a step that needs the module"
        )


def handlers(pair: Pair) -> Iterator[Finding]:
    """S703 to S706, S710: what an old call to ``live`` finds there."""
    for one in calls_of(pair.old.graph):
        if not one.live or one.call.participant not in pair.new.participants():
            continue
        if one.node.child is not None:
            continue  # the framework's own, which reads what it has written
        about = About("S703", one.node.name, whom(one))
        reference = one.call.handler
        try:
            handler = pair.new.code.handler(reference)
        except Unseen:
            yield pair.unseen(about, f"{reference} is still there")
            continue
        if handler is None:
            text = f"{reference} is gone, and is called as {one.label!r}"
            yield pair.broken(about, text, "keep the function")
            continue
        fills = fills_of(pair.old, one)
        for parameter in handler.parameters:
            if not parameter.own:
                yield from _parameter(pair, one, parameter, fills.get(parameter.name))
        yield from _time(pair, one)


def _parameter(pair: Pair, one: LiveCall, parameter: Taken, fill: Fill | None) -> Iterator[Finding]:
    about = About("S704", one.node.name, whom(one))
    if fill is not None:
        yield from _read(pair, one, parameter, fill)
    elif parameter.required:
        text = f"{one.call.handler} takes {parameter.name}, which old calls do not bring"
        yield pair.broken(about, text, f"give {parameter.name} a default")
    elif _is_data(pair, one, parameter):
        text = f"{one.call.handler}: old calls do not bring {parameter.name}, it has its default"
        hint = "see to it that the default is enough"
        yield pair.noted(replace(about, code="S711"), text, hint)


def _is_data(pair: Pair, one: LiveCall, parameter: Taken) -> bool:
    """Whether calls of the new release do bring it."""
    return any(
        other.name == parameter.name and other.origin in DATA
        for call in pair.new.calls(one.call.handler)
        for other in call.call.parameters
    )


def _read(pair: Pair, one: LiveCall, parameter: Taken, fill: Fill) -> Iterator[Finding]:
    code, what = ("S706", "old input") if fill.raw else ("S705", "what is recorded")
    about, what = About(code, one.node.name, whom(one)), f"{what} as its {parameter.name}"
    if fill.given is None or parameter.reads is None:
        yield pair.unseen(about, f"{one.call.handler} reads {what}")
        return
    answer = reads(fill.given, parameter.reads, fill.before, raw=fill.raw)
    hint = "let the type read both, with a default for what is new"
    yield from pair.judged(about, one.call.handler, what, hint, answer)


def _time(pair: Pair, one: LiveCall) -> Iterator[Finding]:
    """S710: Lambda ends the call sooner than its definition does."""
    seconds = pair.new.seconds(one.call.participant)
    if seconds is None or seconds >= one.call.seconds:
        return
    about = About("S710", one.node.name, whom(one))
    text = (
        f"{one.call.handler} had {one.call.seconds} s, and the function of {one.call.participant}"
        f" now ends every call soon after {seconds} s"
    )
    if pair.new.calls(one.call.handler):
        # Its author has said how long the new code takes.
        yield pair.noted(about, text)
    else:
        yield pair.broken(about, text, "give a step of that participant as much time")


def errors(pair: Pair) -> Iterator[Finding]:
    """S713: an old call is tried again for an error that nothing raises any more."""
    for one in calls_of(pair.old.graph):
        if not one.live or one.call.retry is None:
            continue
        about = About("S713", one.node.name, whom(one))
        for reference in one.call.retry.only:
            try:
                there = pair.new.code.error(reference)
            except Unseen:
                yield pair.unseen(about, f"{reference} is still there")
                continue
            if not there:
                text = f"{reference} is gone, for which alone {one.label!r} is tried again"
                yield pair.broken(about, text, "keep the class, as a base of what is raised now")


def items(pair: Pair) -> Iterator[Finding]:
    """S706: the undo of a map in a lane reads its items from the input, by its model."""
    graph = pair.old.graph
    found = positions(graph)
    for node in walk(graph.nodes):
        if not isinstance(node, MapNode) or node.items.origin is not Origin.INPUT:
            continue
        if node.undo_slot and found[node.name].lanes:
            yield from _items(pair, node)


def _items(pair: Pair, node: MapNode) -> Iterator[Finding]:
    reference = pair.old.graph.input.model
    about = About("S706", node.name, Whom.UNDONE)
    purpose = f"by which the undo of {node.name!r} finds its items"
    try:
        model = pair.new.code.model(reference)
    except Unseen:
        yield pair.unseen(about, f"{reference} is still there, {purpose},")
        return
    if model is None:
        yield pair.broken(about, f"{reference} is gone, {purpose}", "keep the model")
        return
    answer = reads(pair.old.input, model[0], pair.old.input, raw=True)
    hint = "let the model read both, with a default for what is new"
    yield from pair.judged(about, reference, f"old input, {purpose}", hint, answer)
    if _below(model[1], node.items.path) is None:
        path = ".".join(node.items.path)
        text = f"{reference} writes no {path}, {purpose}"
        yield pair.broken(about, text, f"write it as {path}, as before")


def events(pair: Pair) -> Iterator[Finding]:
    """S707: what is stored of an event is not read by its class any more."""
    release = pair.new.releases.get(pair.old.saga)
    known = release.events if release else {}
    for name, (version, writes, before) in pair.old.events.items():
        if name not in known:
            continue  # readers get it as it is stored
        newer, _, wanted = known[name]
        about = About("S707", name, Whom.STORED)
        if newer < version:
            text = f"{name} has version {newer}, and what is stored has {version}"
            yield pair.broken(about, text, "never lower a version")
        elif newer > version:
            text = f"readers need an upcaster of {name} from version {version} to {newer}"
            yield pair.noted(replace(about, code="S711"), text, "write a test of it")
        else:
            hint = f"raise the version of {name}, and register an upcaster from {version}"
            # Readers ignore what the class does not know.
            answer = reads(writes, _tolerant(wanted), _tolerant(before), raw=False)
            what = f"what is stored of it in version {version}"
            yield from pair.judged(about, name, what, hint, answer)


def _tolerant(schema: Schema) -> Schema:
    return Schema(_open(schema.schema), _open(schema.definitions))


def _open(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: _open(inner)
            for key, inner in value.items()
            if not (key == "additionalProperties" and inner is False)
        }
    return [_open(one) for one in value] if isinstance(value, list) else value


def questions(pair: Pair) -> Iterator[Finding]:
    """S708: who answers with the new class cannot, or says what old steps do not read."""
    release = pair.new.releases.get(pair.old.saga)
    for node in steps_of(pair.old.graph.nodes):
        if node.question is None or release is None:
            continue
        about = About("S708", node.name, Whom.WAITING)
        event = node.question.event
        if event and not pair.new.routes(event):
            text = f"no saga waits for {event.event.name} by {'.'.join(event.by)} any more, so it"
            yield pair.broken(
                about, f"{text} is brought to none", "keep a wait for it until none of these waits"
            )
        elif pair.new.asks(pair.old.saga, node.name):
            yield from _recorded(pair, about, release.writes(node.name))
        elif event is None:
            text = f"no {node.name} is asked any more, so no client takes an answer to it"
            yield pair.broken(about, text, "keep the question")


def results(pair: Pair) -> Iterator[Finding]:
    """S709: new code records a result for an old saga, which steps of the old release read."""
    for one in calls_of(pair.old.graph):
        if not one.live or one.undoes or one.call.participant not in pair.new.participants():
            continue
        try:
            handler = pair.new.code.handler(one.call.handler)
        except Unseen:
            continue  # told by `handlers`
        if handler is not None and handler.writes is not None:
            yield from _recorded(pair, About("S709", one.node.name, whom(one)), handler.writes)


def _recorded(pair: Pair, about: About, writes: Schema) -> Iterator[Finding]:
    """Whether the steps that take a step's result read what is recorded for it from now on."""
    before = pair.old.writes(about.name)
    if writes == before:
        return
    hint = "write what was written before, and nothing that is refused"
    for one in calls_of(pair.old.graph):
        if one.live:
            continue  # what comes after the pivot is new code itself
        for parameter in one.call.parameters:
            if parameter.origin is not Origin.STEP or parameter.step != about.name:
                continue
            given, wanted = pair.old.taken(one.label, parameter.name)
            new = _as_given(given, before, writes, parameter.path)
            reader, what = (
                f"the old {one.call.handler}",
                f"what is recorded as its {parameter.name}",
            )
            if new is None:
                text = f"{reader} takes {'.'.join(parameter.path)} of it, which is not there"
                yield pair.broken(about, text, hint)
            else:
                answer = reads(new, wanted, raw=False)
                yield from pair.judged(about, reader, f"{what} from now on", hint, answer)


def structure(pair: Pair) -> Iterator[Finding]:
    """S712: what new sagas do otherwise; running ones keep their definition."""
    release = pair.new.releases.get(pair.old.saga)
    if release is not None and (found := changes(pair.old.graph, release.graph)):
        hint = "nothing: a running saga keeps its definition, with its slots (rules 4, 9)"
        yield pair.noted(About("S712", "", Whom.NEW), "; ".join(found), hint)


RULES: Final = (sagas, functions, handlers, errors, items, events, questions, results, structure)


def whom(one: LiveCall) -> Whom:
    """Who meets a live call."""
    if one.undoes:
        return Whom.UNDONE
    return Whom.DOUBT if one.settles else Whom.PASSED


def fills_of(old: Release, one: LiveCall) -> dict[str, Fill]:
    """What an old call to ``live`` brings, by the name of a parameter.

    That is what its handler took in the old release, and what comes along with it: the input; the
    results before it where the document goes along; of a compensation its step's own result, which
    may be missing.
    """
    graph, node = old.graph, one.node
    # All of the input was read by its model before anything was done.
    fills = {graph.input.name: Fill(old.input, old.input, raw=True)}
    if not one.undoes and not positions(graph)[node.name].lanes:
        for step in _earlier(graph.nodes, node.name, ()) or ():
            fills[step] = Fill(old.writes(step))
    if one.undoes:
        fills[node.name] = Fill(_or_null(old.writes(node.name)))
    for parameter in one.call.parameters:
        if parameter.origin not in DATA:
            continue
        given, before = old.taken(one.label, parameter.name)
        if one.undoes and parameter.step == node.name:
            given = _or_null(given)
        raw = parameter.origin is Origin.INPUT
        if parameter.step:
            fills.setdefault(parameter.step, Fill(None if parameter.path else given))
        fills[parameter.name] = Fill(given, before, raw)
    return fills


def _earlier(nodes: tuple[Node, ...], name: str, known: tuple[str, ...]) -> tuple[str, ...] | None:
    """The steps that have run for certain before one; None where that is not among the nodes."""
    for node in nodes:
        if node.name == name:
            return known
        if isinstance(node, StepNode):
            known = (*known, node.name)
        if isinstance(node, ChoiceNode):
            for block in blocks_of(node):
                if (found := _earlier(block, name, known)) is not None:
                    return found
    return None


def _or_null(schema: Schema) -> Schema:
    return Schema({"anyOf": [schema.schema, {"type": "null"}]}, schema.definitions)


def _as_given(
    given: Schema, before: Schema, writes: Schema, path: tuple[str, ...]
) -> Schema | None:
    """A result as a parameter gets it; None where its path is not there."""
    if path:
        return _below(writes, path)
    listed = given.schema.get("type") == "array" and given.schema.get("items") == before.schema
    return (
        Schema({"type": "array", "items": writes.schema}, writes.definitions) if listed else writes
    )


def _below(schema: Schema, path: tuple[str, ...]) -> Schema | None:
    """What stands at a path of fields that are always there."""
    inner = schema.schema
    for key in (*path, None):
        while "$ref" in inner:
            inner = schema.definitions[inner["$ref"].rpartition("/")[2]]
        if key is None:
            break
        if key not in inner.get("required", ()):
            return None
        inner = inner["properties"][key]
    return Schema(inner, schema.definitions)


def _live_participants(old: Release) -> list[str]:
    used = set(substitutions(old.graph))
    return [module for module in participants(old.graph) if live_name(module) in used]
