from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from stepsaga.engines.functions import FunctionError, ProcessKilled
from stepsaga.engines.local import LocalFunctions
from stepsaga.errors import Rejected, UsageError
from stepsaga.store.memory import MemoryStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
START = "2026-01-01T00:00:00.000Z"


def payload(**fields: Any) -> dict[str, Any]:
    """A call as the compiler writes it."""
    return {
        "saga": "Shop",
        "step": "charge",
        "part": "compensatable",
        "handler": "handlers.payments:charge",
        "slot": [1],
        "seconds": 20,
        "input": "order",
        "fingerprint": "f",
        "execution": {"Id": "arn", "Name": "o", "StartTime": START, "Input": {"n": 1}},
        "state": {"Name": "charge", "EnteredTime": START, "RetryCount": 0},
        **fields,
    }


def functions(handler: Any, store: MemoryStore | None = None) -> LocalFunctions:
    """Functions whose one handler is this."""
    return LocalFunctions(
        ["handlers.payments"],
        store=store or MemoryStore(),
        now=lambda: NOW,
        resolve=lambda _: handler,
    )


@pytest.mark.parametrize("name", ["payments", "payments:live", "payments:7"])
def test_function_is_the_last_part_of_its_module(name: str) -> None:
    """A participant is called by its module's last part, under any version or alias (rule 12)."""

    def charge(order: dict[str, int]) -> int:
        return order["n"]

    assert functions(charge).invoke(name, payload()) == {"value": 1}


def test_unknown_function() -> None:
    """A function that is not there is reported as Lambda reports it, with what there is."""
    with pytest.raises(FunctionError, match="payment; there are: payments") as failed:
        functions(None).invoke("payment", payload())
    assert failed.value.error == "Lambda.ResourceNotFoundException"


def test_two_participants_of_one_name() -> None:
    """Two participants that would be one function are refused."""
    with pytest.raises(UsageError, match=r"a\.pay and b\.pay"):
        LocalFunctions(["a.pay", "b.pay"], store=MemoryStore(), now=lambda: NOW)


def test_error_is_the_bare_name_of_a_class() -> None:
    """An error is its class's bare name; the cause is JSON text with what Lambda puts there."""

    class Declined(Rejected):
        pass

    def charge() -> int:
        raise Declined("no funds")

    with pytest.raises(FunctionError) as failed:
        functions(charge).invoke("payments", payload())
    assert failed.value.error == "Rejected"
    cause = json.loads(failed.value.cause or "")
    assert sorted(cause) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert cause["errorType"] == "Rejected"
    assert "Declined: no funds" in cause["errorMessage"]
    assert cause["stackTrace"][0].lstrip().startswith('File "')
    assert "engines" not in cause["stackTrace"][0]


@pytest.mark.parametrize("death", [ProcessKilled(), SystemExit(3)])
def test_process_that_dies(death: BaseException) -> None:
    """A process that ends is ``Runtime.ExitError``, and nothing is recorded."""

    def charge() -> int:
        raise death

    store = MemoryStore()
    with pytest.raises(FunctionError) as failed:
        functions(charge, store).invoke("payments", payload())
    assert failed.value.error == "Runtime.ExitError"
    assert list(store.read("Shop#o")) == []


def test_interrupt_of_the_keyboard_is_the_users() -> None:
    """Control-C ends the program, not the step."""

    def charge() -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        functions(charge).invoke("payments", payload())


def test_payload_goes_through_json() -> None:
    """A handler gets values of its own: what it changes nobody else sees."""

    def charge(order: dict[str, list[int]]) -> int:
        order["n"].append(2)
        return len(order["n"])

    call = payload()
    call["execution"]["Input"] = {"n": [1]}
    assert functions(charge).invoke("payments", call) == {"value": 2}
    assert call["execution"]["Input"] == {"n": [1]}


def test_collaborators_of_one_invocation() -> None:
    """Store, clock and handlers can be others for one invocation only."""

    def one() -> int:
        return 1

    def two() -> int:
        return 2

    mine, other = MemoryStore(), MemoryStore()
    local = functions(one, mine)
    at = datetime(2026, 1, 1, 0, 0, 9, tzinfo=UTC)
    reply = local.invoke("payments", payload(), store=other, resolve=lambda _: two, now=lambda: at)
    assert reply == {"value": 2}
    assert list(mine.read("Shop#o")) == []
    (commit,) = other.read("Shop#o")
    assert datetime.fromisoformat(commit.recorded_at) == at
    assert local.invoke("payments", payload()) == {"value": 1}


def test_call_of_anothers_handler_is_refused() -> None:
    """A function runs the handlers of its own participant only."""
    with pytest.raises(FunctionError) as failed:
        functions(None).invoke("payments", payload(handler="handlers.shipping:send"))
    assert failed.value.error == "Rejected"
