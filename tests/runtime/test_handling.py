"""How a handler gets its parameters, and what becomes of its errors and texts."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, SecretStr, field_validator

from stepsaga.errors import (
    BadCall,
    CallError,
    Fenced,
    Rejected,
    RejectedInDoubt,
    StepFailed,
    StepFailedForGood,
)
from stepsaga.limits import ERROR_TEXT_BYTES
from stepsaga.runtime import Runtime, SagaContext, Sensitive
from stepsaga.runtime.runtime import load
from stepsaga.store import Event, MemoryStore
from stepsaga.store.slots import key_of
from tests.runtime.calls import NOW, RUN, START, STREAM, Shop, call, unused


class Order(BaseModel):
    """An input."""

    id: str
    amount: int = Field(alias="amountInCents")


@dataclass
class Stock:
    """A result."""

    item: str
    left: int


class Odd(Event):
    """An event whose field cannot be JSON."""

    value: Any


class Declined(Rejected):
    """An author's refusal."""


class DeepDeclined(Declined):
    """A subclass of it."""


ORDER = {"id": "a", "amountInCents": 30}


# Parameters


def test_parameters_are_filled_by_name() -> None:
    """The input by its name, results by their step's, the context by its type, defaults last."""

    def handler(
        whatever: SagaContext, order: Order, reserve: Stock, optional: int = 7
    ) -> tuple[str, int, int, str]:
        return order.id, order.amount + reserve.left, optional, whatever.id

    results = {"reserve": {"value": {"item": "x", "left": 2}}}
    assert Shop(handler).handle(call(input_=ORDER, results=results)) == ["a", 32, 7, "order-1"]


def test_takes_maps_parameters_to_paths() -> None:
    """``takes`` reaches into the input and into results, below None it gives None."""

    def handler(cents: int, left: int, note: str | None, stock: Stock) -> list[Any]:
        return [cents, left, note, stock.item]

    payload = call(
        input_={**ORDER, "extra": None},
        results={"reserve": {"value": {"item": "x", "left": 2}}},
        takes={
            "cents": ["order", "amountInCents"],
            "left": ["reserve", "left"],
            "note": ["order", "extra", "note"],
            "stock": ["reserve"],
        },
    )
    assert Shop(handler).handle(payload) == [30, 2, None, "x"]


def test_takes_wins_over_names() -> None:
    """A parameter that ``takes`` names is not filled by its own name."""

    def handler(order: str) -> str:
        return order

    assert Shop(handler).handle(call(input_=ORDER, takes={"order": ["order", "id"]})) == "a"


def test_a_path_that_is_not_there_is_rejected() -> None:
    """A key that the input lacks is like input that does not validate: Rejected at any attempt."""
    takes = {"cents": ["order", "prices", "net"]}
    with pytest.raises(Rejected, match=r"cents: there is no order\.prices\.net"):
        Shop(lambda cents: cents).handle(call(input_=ORDER, takes=takes, attempt=3))


def test_a_parameter_that_nothing_fills_is_refused() -> None:
    """A handler of which nobody knows a parameter is not called, and the parameter named."""

    def handler(reserve: Stock) -> None: ...

    with pytest.raises(Rejected, match=r"nothing fills 'reserve' of shop\.payments:handler"):
        Shop(handler).handle(call())


def test_an_override_is_the_resource() -> None:
    """``resources`` of a runtime are the objects that handlers get; saga data wins over them."""
    table = object()

    def handler(table: object, order: dict[str, Any]) -> bool:
        return table is theirs and isinstance(order, dict)

    theirs = table
    shop = Shop(handler, resources={"table": table, "order": "not this one"})
    assert shop.handle(call()) is True


def test_annotations_that_cannot_be_read_are_refused() -> None:
    """A handler whose types are not there at run time is not called."""

    def handler(order: Any) -> None: ...

    handler.__annotations__["order"] = "Missing"

    with pytest.raises(Rejected, match=r"the annotations of .* cannot be read: NameError"):
        Shop(handler).handle(call())


def test_types_are_read_as_json() -> None:
    """Values are validated as pydantic validates JSON: strict models take times as text."""

    class Times(BaseModel, strict=True):
        at: datetime
        every: timedelta
        pair: tuple[int, int]

    Times.__module__ = __name__
    seen: list[Any] = []

    def handler(order: Any) -> None:
        seen.append(order)

    handler.__annotations__["order"] = Times
    Shop(handler).handle(
        call(input_={"at": "2026-11-21T08:00:00Z", "every": "PT5M", "pair": [1, 2]})
    )
    assert seen[0].every == timedelta(minutes=5)
    assert seen[0].pair == (1, 2)


def test_a_wrapper_has_the_signature_of_what_it_wraps() -> None:
    """A fault that wraps a handler is called with the handler's own parameters."""

    def handler(order: Order) -> int:
        return order.amount

    @functools.wraps(handler)
    def wrapper(**arguments: Any) -> Any:
        return handler(**arguments) + 1

    assert Shop(wrapper).handle(call(input_=ORDER)) == 31


def test_a_handler_cannot_change_what_is_recorded_of_others() -> None:
    """Handlers get values of their own: changing them changes neither payload nor stream."""

    def handler(order: dict[str, Any], reserve: Any) -> None:
        order["amount"] = 0
        reserve["left"] = 0

    payload = call(results={"reserve": {"value": {"left": 2}}}, opens=True, slot=[1])
    shop = Shop(handler)
    shop.handle(payload)
    assert payload["results"] == {"reserve": {"value": {"left": 2}}}
    assert shop.events(1)[0][1]["input"]["amount"] == 30


# The context


def test_the_context_says_where_the_handler_is() -> None:
    """Ids, attempt, times and keys of the call, correlation by the saga's id."""
    seen: list[SagaContext] = []

    def handler(saga: SagaContext) -> None:
        seen.append(saga)

    Shop(handler).handle(call(attempt=2, deadline=60))
    [saga] = seen
    assert (saga.saga, saga.id, saga.step, saga.attempt) == ("FulfilOrder", "order-1", "charge", 2)
    assert (saga.started, saga.deadline) == (START, START + timedelta(seconds=60))
    assert saga.correlation_id == "order-1"
    assert saga.idempotency_key == saga.step_idempotency_key == key_of(STREAM, f"{RUN}/00002")


@pytest.mark.parametrize(
    "changed",
    [
        {"attempt": 3},
        {"redrives": 2},
        {"handler": "shop.payments:other"},
        {"fingerprint": "f2"},
        {"entered": "2026-11-21T08:00:01.500Z"},
    ],
)
def test_the_key_does_not_depend_on_the_invocation(changed: dict[str, Any]) -> None:
    """Every attempt and redrive of a step has one idempotency key (rule 4)."""
    keys = [Shop(_key).handle(call(**more)) for more in ({}, changed)]
    assert keys[0] == keys[1]


def test_the_key_depends_on_stream_run_and_slot() -> None:
    """Another saga, another run of the same name, another slot: keys of their own (rule 4)."""
    payloads = [call(), call(), call(saga="Other"), call(slot=[3])]
    payloads[1]["execution"]["StartTime"] = "2027-02-20T08:00:00.000Z"
    payloads[1]["state"]["EnteredTime"] = "2027-02-20T08:00:00.000Z"
    assert len({Shop(_key).handle(payload) for payload in payloads}) == 4


def test_emitting_what_is_no_event_fails_for_good() -> None:
    """Only events are emitted; the mistake is named, nothing is recorded, and no retry helps."""

    def handler(saga: SagaContext) -> None:
        saga.emit("paid")  # type: ignore[arg-type]  # the mistake in question

    shop = Shop(handler)
    with pytest.raises(StepFailedForGood, match="EventInvalid: str is no event"):
        shop.handle(call())
    assert shop.outcomes() == {}


def test_emitting_what_cannot_be_json_fails_for_good() -> None:
    """An event that cannot be stored names itself, and nothing is recorded."""

    def handler(saga: SagaContext) -> None:
        saga.emit(Odd(value=object()))

    with pytest.raises(StepFailedForGood, match="EventInvalid: Odd cannot be stored as JSON"):
        Shop(handler).handle(call())


def test_a_secret_in_an_event_is_stored_as_it_is() -> None:
    """An event's secret is not silently turned into asterisks."""

    def handler(saga: SagaContext) -> None:
        saga.emit(Odd(value=[SecretStr("hunter2")]))

    shop = Shop(handler)
    shop.handle(call())
    assert shop.events(2)[1] == ("Odd", {"value": ["hunter2"]})


# Errors and their names


class UnavailableError(ConnectionError):
    """An author's subclass of a builtin."""


NEVER = f"{__name__}:UnavailableError"


@pytest.mark.parametrize(
    ("lists", "error", "name"),
    [
        ({}, ValueError("x"), StepFailed),
        ({"never": ["builtins:ValueError"]}, ValueError("x"), StepFailedForGood),
        ({"never": ["builtins:OSError"]}, UnavailableError("x"), StepFailedForGood),
        ({"never": [NEVER]}, UnavailableError("x"), StepFailedForGood),
        ({"never": [NEVER]}, ConnectionError("x"), StepFailed),
        ({"only": ["builtins:OSError"]}, UnavailableError("x"), StepFailed),
        ({"only": ["builtins:OSError"]}, ValueError("x"), StepFailedForGood),
        (
            {"only": ["builtins:OSError"], "never": [NEVER]},
            UnavailableError("x"),
            StepFailedForGood,
        ),
        ({}, StepFailed("x"), StepFailed),
        ({}, StepFailedForGood("x"), StepFailedForGood),
        ({}, Fenced("x"), StepFailed),
        ({}, RejectedInDoubt("x"), StepFailed),
        ({}, BadCall("x"), StepFailed),
    ],
)
def test_retry_lists_decide_as_except_would(
    lists: dict[str, Any], error: Exception, name: type[CallError]
) -> None:
    """``only`` and ``never`` match subclasses; no handler's error passes for a decision."""

    def handler() -> None:
        raise error

    with pytest.raises(CallError) as caught:
        Shop(handler).handle(call(**lists))
    assert type(caught.value) is name


@pytest.mark.parametrize("error", [Declined("no"), DeepDeclined("no"), Rejected("no")])
def test_the_raised_class_has_the_bare_name(error: Rejected) -> None:
    """Step Functions matches bare names: a subclass of Rejected is raised as Rejected itself."""

    def handler() -> None:
        raise error

    with pytest.raises(Rejected) as caught:
        Shop(handler).handle(call())
    assert type(caught.value).__name__ == "Rejected"


def test_error_texts_are_cut_at_whole_characters() -> None:
    """A text of a megabyte is cut at 4 KiB of UTF-8, in the error and in the event (rule 22)."""

    def handler() -> None:
        raise Declined("ä🎈" * 200_000)

    shop = Shop(handler)
    with pytest.raises(Rejected) as caught:
        shop.handle(call())
    message = shop.events(2)[0][1]["message"]
    for text in (str(caught.value), message):
        assert ERROR_TEXT_BYTES - 4 <= len(text.encode()) <= ERROR_TEXT_BYTES
        assert text.endswith("…")


def test_an_error_without_a_text_still_has_a_name() -> None:
    """An error whose ``__str__`` fails, or holds what is not Unicode, is reported all the same."""

    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    def mute() -> None:
        raise MuteError

    def surrogate() -> None:
        raise ValueError("\ud800")

    with pytest.raises(StepFailed, match=r"MuteError: \(its text cannot be shown\)"):
        Shop(mute).handle(call())
    with pytest.raises(StepFailed, match=r"ValueError: \\ud800"):
        Shop(surrogate).handle(call())


# What must not show


class Card(BaseModel):
    """Data that is not to be seen."""

    number: SecretStr
    holder: Sensitive[str]
    pin: Sensitive[int]
    note: str = ""


CARD = {"number": "4111-1111-1111-1111", "holder": 'Ann "Bo" Lee', "pin": 471, "note": "visible"}


@pytest.mark.parametrize("error", [Declined, ValueError])
def test_sensitive_values_do_not_show_in_texts(error: type[Exception]) -> None:
    """What an author's error quotes of sensitive fields is masked: in errors, causes and events."""

    def handler(order: Card) -> None:
        raise error(
            f"{order.number.get_secret_value()} of {order.holder!r}, pin {order.pin},"
            f" {order.model_dump(mode='python')}, 14715 {order.note}"
        )

    shop = Shop(handler)
    with pytest.raises(CallError) as caught:
        shop.handle(call(input_=CARD))
    for text in [str(caught.value), *(data["message"] for _, data in shop.events(2))]:
        assert "4111" not in text
        assert "Ann" not in text
        assert " 471" not in text
        assert "*** of '***', pin ***" in text
        assert "14715 visible" in text  # a short value is not cut out of a longer one


def test_sensitive_values_do_not_show_in_validation_errors() -> None:
    """Texts of failed validation hold no input; authors' messages are masked, too."""

    class Strange(BaseModel):
        number: SecretStr

        @field_validator("number", mode="after")
        @classmethod
        def check(cls, value: SecretStr) -> SecretStr:
            raise ValueError(f"{value.get_secret_value()} is no number")

    def handler(order: Any) -> None: ...

    handler.__annotations__["order"] = Strange
    shop = Shop(handler)
    with pytest.raises(Rejected) as caught:
        shop.handle(call(input_={"number": "hunter2"}))
    assert "order.number: Value error, *** is no number" in str(caught.value)
    assert caught.value.__cause__.__cause__ is None  # type: ignore[union-attr]  # a refusal
    assert shop.events(2)[0][1]["message"] == "order.number: Value error, *** is no number"


def test_validation_errors_do_not_show_the_input() -> None:
    """A bad value is named by its field and pydantic's words, never shown."""

    def handler(order: list[int]) -> None: ...

    with pytest.raises(Rejected) as caught:
        Shop(handler).handle(call(input_=["private"] * 8))
    text = str(caught.value)
    assert "order.0: Input should be a valid integer" in text
    assert text.endswith("and 3 more")
    assert "private" not in text


def test_secrets_of_earlier_results_do_not_show() -> None:
    """Results are arguments, too: what is marked in them is masked in errors."""

    def handler(token: Annotated[SecretStr, Field(min_length=3)]) -> None:
        raise ValueError(f"refused {token.get_secret_value()}")

    with pytest.raises(StepFailed, match=r"ValueError: refused \*\*\*$"):
        Shop(handler).handle(call(results={"token": {"value": "hunter2"}}))


def test_secrets_travel_between_steps_as_they_are() -> None:
    """A result's SecretStr reaches the next step unharmed."""

    def makes() -> Card:
        return Card.model_validate(CARD)

    def takes(charge: Card) -> list[str]:
        return [charge.number.get_secret_value(), charge.holder]

    shop = Shop()
    value = shop.handle(call(), makes)
    assert value == CARD
    document = {"charge": {"value": value}}
    assert shop.handle(call(slot=[3], results=document), takes) == [CARD["number"], CARD["holder"]]


# The border


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"slot": None}, "slot: Input should be a valid tuple"),
        ({"slot": []}, "slot: Tuple should have at least 1 item"),
        ({"seconds": 0}, "seconds: Input should be greater than 0"),
        ({"surprise": 1}, "surprise: Extra inputs are not permitted"),
        ({"part": "sideways"}, "part: Input should be 'compensatable'"),
        ({"handler": ""}, "a call for compensatable needs a handler"),
        ({"undoes": [1]}, "a compensation, and nothing else, names the slot"),
        ({"part": "compensation"}, "a compensation, and nothing else, names the slot"),
        ({"takes": {"a": []}}, "takes.a: Tuple should have at least 1 item"),
        ({"state": {"EnteredTime": "yesterday", "RetryCount": 0}}, "state.EnteredTime: Value err"),
        ({"state": {"EnteredTime": "2026-11-21T08:00:00", "RetryCount": 0}}, "its time zone"),
        ({"state": {"EnteredTime": RUN, "RetryCount": -1}}, "state.RetryCount: Input should be"),
        ({"execution": {}}, "execution.Id: Field required"),
    ],
)
def test_what_is_no_call_is_bad_and_writes_nothing(change: dict[str, Any], text: str) -> None:
    """A payload that stepsaga did not compile is BadCall, names the field, and writes nothing."""
    shop = Shop(unused)
    with pytest.raises(BadCall) as caught:
        shop.handle(call() | change)
    assert text in str(caught.value)
    assert shop.outcomes() == {}


@pytest.mark.parametrize("payload", [None, [], "hello", 5, {"detail-type": "secret-value"}])
def test_any_payload_that_is_no_call_is_bad(payload: Any) -> None:
    """Whatever arrives is answered by BadCall, without its values."""
    runtime = Runtime(participant="shop.payments", store=MemoryStore())
    with pytest.raises(BadCall, match="not a call that stepsaga compiled") as caught:
        runtime.handle(payload)
    assert "secret-value" not in str(caught.value)


@pytest.mark.parametrize("digits", ["", ".1", ".123", ".123456", ".123456789"])
def test_times_have_any_number_of_digits(digits: str) -> None:
    """Step Functions writes 0, 3, 6 or 9 digits of a second; slots keep the text as it came."""
    payload = call(entered=f"2026-11-21T08:00:01{digits}Z")
    payload["execution"]["StartTime"] = f"2026-11-21T08:00:00{digits}Z"
    shop = Shop(lambda: "done")
    assert shop.handle(payload) == "done"
    [commit] = shop.store.read(STREAM)
    assert commit.slot == f"2026-11-21T08:00:00{digits}Z/00002"


def own_handler(order: Any) -> str:
    """A handler that can be imported."""
    return f"own {order['amount']}"


not_a_function = 5


def test_handlers_are_imported_by_name() -> None:
    """``module:qualname`` finds the function of that module."""
    runtime = Runtime(participant=__name__, store=MemoryStore(), now=lambda: NOW)
    assert runtime.handle(call(handler=f"{__name__}:own_handler")) == {"value": "own 30"}


@pytest.mark.parametrize(
    ("reference", "error"),
    [
        ("no.such.module:f", ModuleNotFoundError),
        (f"{__name__}:missing", LookupError),
        (f"{__name__}:not_a_function", LookupError),
        (f"{__name__}:load", LookupError),
        (f"{__name__}:Order", LookupError),
        (f"{__name__}:", LookupError),
        (f"{__name__}:pytest.raises", LookupError),
    ],
)
def test_only_a_modules_own_functions_are_handlers(reference: str, error: type[Exception]) -> None:
    """What a module has only imported cannot be called through it."""
    with pytest.raises(error):
        load(reference)


def _key(saga: SagaContext) -> str:
    return saga.idempotency_key
