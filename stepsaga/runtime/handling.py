"""A handler's call: found, given its parameters, run, its result taken."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from stepsaga.errors import (
    CallError,
    EventInvalid,
    Rejected,
    StepFailed,
    StepFailedForGood,
)
from stepsaga.runtime.approval_shown import shown
from stepsaga.runtime.call import EVERY, ITEMS
from stepsaga.runtime.context import SagaContext
from stepsaga.runtime.participant import participant_of
from stepsaga.runtime.question_messages import NoMessages
from stepsaga.runtime.sensitive import redact
from stepsaga.runtime.signatures import signature_of
from stepsaga.runtime.stored import Recorded, recorded_form
from stepsaga.runtime.texts import class_text, cut, describe, joined, message_of
from stepsaga.runtime.values import JsonType, Unfit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from stepsaga.runtime.approval_links import ApprovalLinks, LinkMaker
    from stepsaga.runtime.call import Call
    from stepsaga.runtime.question_messages import Messages
    from stepsaga.runtime.signatures import HandlerParameter
    from stepsaga.store.commits import EventRecord
    from stepsaga.store.objects import Objects

    Handler = Callable[..., Any]


class Refused(Exception):  # never leaves the runtime
    """The handler is not called: nothing was done by this invocation (rule 2)."""


class Invalid(Refused):
    """The parameters do not validate, which is the same in every attempt (rule 2)."""


class Handling:
    """The handler of one call: first `bind`, then `run`.

    Args:
        call: The call.
        participant: The module whose handlers this function may run.
        resolve: How ``module:qualname`` becomes a handler.
        resources: What replaces the participant's own, by name; the objects themselves.
        objects: Where large results go, and come from; None where there is no bucket.
        messages: How a question is sent that no handler asks.
        links: How approval links are made.
    """

    def __init__(  # noqa: PLR0913  # collaborators by name
        self,
        call: Call,
        *,
        participant: str,
        resolve: Callable[[str], Handler],
        resources: Mapping[str, Any],
        objects: Objects | None = None,
        messages: Messages | None = None,
        links: LinkMaker | None = None,
    ) -> None:
        self._call = call
        self._objects = objects
        self._messages = messages or NoMessages()
        self._links = links
        self._participant = participant
        self._resolve = resolve
        self._resources = resources
        self._handler: Handler = _unbound
        self._returns = JsonType(Any)
        self._arguments: dict[str, Any] = {}
        self._context: SagaContext | None = None
        self._given: list[tuple[JsonType, Any]] = []
        self._taken: dict[str, tuple[JsonType, Any]] = {}
        self._secret_texts: list[str] = []

    @property
    def emitted(self) -> tuple[EventRecord, ...]:
        """What the handler emitted."""
        return tuple(self._context.emitted) if self._context else ()

    @property
    def shown(self) -> dict[str, Any] | None:
        """What the page behind approval links says; None where the handler takes none."""
        return shown(self._handler, self._taken) if self._call.links else None

    def check_input(self) -> None:
        """Refuse input that does not fit the saga's model, whatever of it the step itself takes.

        Raises:
            Refused: The model cannot be imported.
            Invalid: The input does not fit it.
        """
        if not self._call.model:
            return
        self._read_input()

    def normal_input(self) -> Any:
        """The input as its model writes it: JSON values, complete with its defaults (rule 20).

        Raises:
            Refused: The model cannot be imported.
            Invalid: The input does not fit it, or a list that is mapped has too many items.
        """
        kind, read = self._read_input()
        try:
            value = kind.write(read, self._call.input)
            refuse_long_lists(value, self._call.most, self._call.input)
        except Unfit as unfit:
            raise Invalid(str(unfit)) from unfit.__cause__
        return value

    def _read_input(self) -> tuple[JsonType, Any]:
        kind = _model(self._call.model)
        value = self._call.execution.input
        self._given.append((kind, value))
        try:
            return kind, kind.read(self._call.input, value)
        except Unfit as unfit:
            raise Invalid(str(unfit)) from unfit.__cause__

    def bind(self, results: Mapping[str, Any]) -> None:
        """Find the handler and what it is to be given.

        Args:
            results: Results of steps, and items, by name; those of the former as `Recorded`.

        Raises:
            Refused: There is no such handler here, or nothing fills one of its parameters.
            Invalid: A value does not fit its parameter.
            StepFailed, StepFailedForGood: A resource cannot be built.
            StoreError: A result that it takes cannot be fetched.
        """
        call = self._call
        module = call.handler.partition(":")[0]
        if module != self._participant:
            raise Refused(
                f"{call.handler} is not of the participant {self._participant}, whose function was"
                " called; deploy again, so that the state machine calls the function of its module"
            )
        self._handler = self._found(call.handler)
        sources = {**results, call.input: call.execution.input}
        if call.to:
            message = self._message(sources)
            self._arguments = {"to": call.to, "message": message, "messages": self._messages}
            return
        try:
            signature = signature_of(self._handler)
        except Exception as error:
            raise Refused(
                f"the annotations of {call.handler} cannot be read: {describe(error)}"
            ) from error
        self._returns = signature.returns
        for parameter in signature.parameters:
            self._fill(parameter, sources)

    def child_input(self, results: Mapping[str, Any]) -> Any:
        """What a child is started with: JSON values, as they are recorded here.

        Args:
            results: As of `bind`.

        Raises:
            Refused: Nothing fills it, or its model cannot be imported.
            Invalid: It does not fit its model.
            StoreError: A result that it is cannot be fetched.
        """
        call, child = self._call, self._call.child
        assert child is not None  # noqa: S101  # for mypy
        sources = {**results, call.input: call.execution.input}
        source, *path = call.takes.get(child.input, (child.input,))
        value = _followed(child.input, source, path, sources)
        if child.model:
            kind = _model(child.model)
            self._given.append((kind, value))
            try:
                kind.read(child.input, value)
            except Unfit as unfit:
                raise Invalid(f"{child.saga}: {unfit}") from unfit.__cause__
        return value

    def taken(self, name: str, results: Mapping[str, Any]) -> Any:
        """What ``takes`` has for a name: JSON values, as they are recorded.

        Args:
            name: The name.
            results: As of `bind`.

        Raises:
            Refused: Nothing fills it.
            Invalid: A key on the way is not there.
            StoreError: A result that it is in cannot be fetched.
        """
        call = self._call
        source, *path = call.takes.get(name, (name,))
        return _followed(name, source, path, {**results, call.input: call.execution.input})

    def source(self, results: Mapping[str, Any]) -> Any:
        """What a distributed map runs over: a list, or where a file is, as JSON values.

        Raises:
            Refused, Invalid: As of `bind`, and `normal_input`.
        """
        call = self._call
        given = self.normal_input() if call.model else call.execution.input
        source, *path = call.takes["items"]
        return _followed("items", source, path, {**results, call.input: given})

    def item_type(self, reference: str) -> JsonType:
        """The type of an item, by ``module:qualname``.

        Raises:
            Refused: It cannot be imported.
        """
        return _model(reference, "the items' model")

    def run(self) -> Any:
        """Call the handler; return its result as it is recorded: JSON values, or where they are.

        Raises:
            Rejected: The handler's own, as it was raised.
            StepFailed, StepFailedForGood: The handler raised, or its result cannot be recorded.
            StoreError: Its result belongs into the bucket, and could not be put there.
        """
        result = self.run_only()
        # What is wrong with a result can be said in words that quote it.
        self._given.append((self._returns, result))
        try:
            value = self._returns.write(result)
            refuse_long_lists(value, self._call.most, "its result")
            return recorded_form(value, self._call, self._objects)
        except Unfit as unfit:
            raise self._unusable(str(unfit)) from None

    def run_only(self) -> Any:
        """Call the handler; return what it returns. Raises as `run`."""
        try:
            return self._handler(**self._arguments)
        except Rejected:
            raise
        except Exception as error:
            raise self.failure(error) from error

    def failure(self, error: BaseException, what: str = "") -> CallError:
        """What an error of the handler is raised as: whether a retry can mend it decides.

        ``only`` and ``never`` hold for subclasses, as ``except`` does. ``what`` comes before it.
        """
        bases = {f"{base.__module__}:{base.__qualname__}" for base in type(error).__mro__}
        hopeless = (
            isinstance(error, StepFailedForGood | EventInvalid)
            or bool(bases.intersection(self._call.never))
            or (bool(self._call.only) and not bases.intersection(self._call.only))
        )
        kind = StepFailedForGood if hopeless else StepFailed
        return kind(self.text(what, class_text(type(error)), message_of(error)))

    def text(self, *parts: str) -> str:
        """A message that begins with the call's name: without sensitive values, and cut."""
        return cut(self.redacted(joined(self._call.label, *parts)))

    def redacted(self, text: str) -> str:
        """A text without this call's token, its links, and the sensitive values of parameters."""
        hidden = [part for kind, value in self._given for part in _hidden(kind, value)]
        return redact(text, [*hidden, *self._secret_texts, *filter(None, [self._call.secret])])

    def _found(self, reference: str) -> Handler:
        try:
            return self._resolve(reference)
        except Exception as error:
            raise Refused(f"unknown handler {reference}: {describe(error)}") from error

    def _fill(self, parameter: HandlerParameter, sources: Mapping[str, Any]) -> None:
        name = parameter.name
        if parameter.context:
            self._context = self._arguments[name] = self._new_context()
        elif parameter.links:
            self._arguments[name] = self._new_links(name)
        elif name in self._call.takes:
            source, *path = self._call.takes[name]
            self._read(parameter, _followed(name, source, path, sources))
        elif name in sources:
            self._read(parameter, _fetched(sources[name]))
        elif name in self._resources:
            self._arguments[name] = self._resources[name]
        elif name in (participant := participant_of(self._participant)).resources:
            try:
                self._arguments[name] = participant.resource(name)
            except Exception as error:
                what = f"the resource {name!r} of {self._participant} cannot be built"
                raise self.failure(error, what) from error
        elif parameter.required:
            raise Refused(
                f"nothing fills {name!r} of {self._call.handler}: it is neither the input"
                f" {self._call.input!r}, nor a step with a result, nor a resource"
            )

    def _message(self, sources: Mapping[str, Any]) -> dict[str, Any]:
        """What a question without a handler says."""
        call = self._call
        data = {
            name: _followed(name, source, path, sources)
            for name, (source, *path) in call.takes.items()
        }
        return {
            "saga": call.saga,
            "id": call.execution.name,
            "step": call.step,
            "key": call.key(call.slot),
            "data": data,
        }

    def _read(self, parameter: HandlerParameter, value: Any) -> None:
        self._given.append((parameter.type, value))
        try:
            read = parameter.type.read(parameter.name, value)
        except Unfit as unfit:
            raise Invalid(str(unfit)) from unfit.__cause__
        self._arguments[parameter.name] = read
        self._taken[parameter.name] = parameter.type, read

    def _new_links(self, name: str) -> ApprovalLinks:
        if not self._call.links or self._links is None:
            raise Refused(
                f"{name!r} of {self._call.handler} takes approval links, which only the handler of"
                " an Approval is given"
            )
        links = self._links.links(self._call)
        # Who fails to send a link says so, and shall not tell it by that.
        self._secret_texts += [url.rpartition("/")[2] for url in (links.approve, links.reject)]
        return links

    def _new_context(self) -> SagaContext:
        call = self._call
        key = call.key(call.slot) if call.undoes else call.step_key
        return SagaContext(
            saga=call.saga,
            id=call.execution.name,
            step=call.step,
            attempt=call.state.attempt,
            started=call.started,
            deadline=call.ends,
            idempotency_key=key,
            step_idempotency_key=call.step_key,
            correlation_id=call.execution.name,
        )

    def _unusable(self, text: str) -> StepFailedForGood:
        return StepFailedForGood(
            self.text(
                f"{self._call.handler} has run, but {text}. What a handler returns must fit its"
                " return annotation and be JSON."
            )
        )


def refuse_long_lists(value: Any, most: Iterable[tuple[tuple[str, ...], int]], name: str) -> None:
    """Refuse a value that has more items for a map than the map may have (rule 25).

    Args:
        value: JSON values.
        most: By the keys of a list below it, ``*`` for each item of one around it.
        name: What messages call the value.

    Raises:
        Unfit: As said.
    """
    for keys, number in most:
        depth = keys.count(EVERY)
        for found in _lists_in(_found(value, keys), depth):
            if len(found) > number:
                where = ".".join([name, *keys])
                raise Unfit(
                    f"{where} has {len(found)} items, and the map over it takes at most {number}:"
                    " raise its most=, or give fewer"
                )


def _lists_in(value: Any, depth: int) -> Iterator[list[Any]]:
    """The lists in what `_found` gave, below the lists that ``*`` has made of it."""
    if not isinstance(value, list):
        return
    if depth == 0:
        yield value
        return
    for item in value:
        yield from _lists_in(item, depth - 1)


def _unbound(**_: Any) -> Any:
    raise RuntimeError("bind comes before run")


def _model(reference: str, what: str = "the input's model") -> JsonType:
    try:
        return _type_named(reference)
    except Exception as error:
        raise Refused(f"{what} {reference}: {describe(error)}") from error


@lru_cache(maxsize=256)
def _type_named(reference: str) -> JsonType:
    module, _, name = reference.partition(":")
    return JsonType(attrgetter(name)(import_module(module)))


def results_of(call: Call, objects: Objects | None) -> dict[str, Any]:
    """The results that a call carries, and items. After a failure, the document holds that, too."""
    by_name = {
        step: Recorded(step, entry["value"], 0, objects)
        for step, entry in call.results.items()
        if isinstance(entry, dict) and "value" in entry
    }
    elsewhere = {
        name: _found(call.results, keys)
        if keys == (ITEMS, name)
        else Recorded(name, _found(call.results, keys), keys.count(EVERY), objects)
        for name, keys in call.places.items()
    }
    return by_name | elsewhere | call.items


def _fetched(source: Any) -> Any:
    return source.value() if isinstance(source, Recorded) else source


def _found(document: Any, keys: tuple[str, ...]) -> Any:
    """What stands in a document; None for what is not there: a choice has passed it over."""
    for number, key in enumerate(keys):
        if key == EVERY and isinstance(document, list):
            return [_found(item, keys[number + 1 :]) for item in document]
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


def _followed(name: str, source: str, path: Iterable[str], sources: Mapping[str, Any]) -> Any:
    """What stands at a path; None below what is None."""
    if source not in sources:
        raise Refused(f"nothing fills {name!r}: there is no result of {source!r}")
    value = _fetched(sources[source])
    for key in path:
        if value is None:
            return None
        if not isinstance(value, dict) or key not in value:
            raise Invalid(f"{name}: there is no {'.'.join([source, *path])}")
        value = value[key]
    return value


def _hidden(kind: JsonType, value: Any) -> list[Any]:
    try:
        return kind.sensitive(value)
    except Exception:  # noqa: BLE001  # the type cannot be read: what it hides cannot be told
        return [value]
