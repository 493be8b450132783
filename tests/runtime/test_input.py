"""The whole input is validated by the first call; what its types hide, no text shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, BaseModel, SecretStr

from stepsaga.errors import Rejected, StepFailed, StepFailedForGood
from stepsaga.runtime.observer import LANDED_LATE
from tests.runtime.calls import NOW, START, Shop, call


class Card(BaseModel):
    """A saga's input."""

    token: SecretStr
    amount: int


def _not_spent(token: SecretStr) -> SecretStr:
    if token.get_secret_value().startswith("spent"):
        raise ValueError(f"the token {token.get_secret_value()} is spent")
    return token


class Ticket(BaseModel):
    """A result whose validator quotes what it refuses."""

    token: Annotated[SecretStr, AfterValidator(_not_spent)]


CARD = f"{__name__}:Card"
GOOD = {"token": "tok_verysecret", "amount": 30}


def first(**changes: Any) -> dict[str, Any]:
    """The first call of a saga whose input is a card."""
    return call(model=CARD, slot=[1], opens=True, **{"input_": GOOD, **changes})


def blind() -> str:
    """A handler that takes nothing."""
    return "done"


def test_the_first_call_validates_input_that_its_handler_does_not_take() -> None:
    """Bad input is rejected before anything is done, whoever would look at it later (rule 2)."""
    shop = Shop(blind)
    with pytest.raises(Rejected, match=r"order.amount: Field required"):
        shop.handle(first(input_={"token": "tok_verysecret"}))
    assert shop.outcomes() == {"00001": "rejected"}
    assert Shop(blind).handle(first()) == "done"


def test_a_later_attempt_rejects_bad_input_as_cleanly() -> None:
    """The input was the same in every attempt before (rule 2)."""
    shop = Shop(blind)
    with pytest.raises(Rejected):
        shop.handle(first(input_=5, attempt=2))
    assert shop.outcomes() == {"00001": "rejected"}


def test_a_forward_only_saga_cannot_reject_its_input() -> None:
    """Where nothing could be undone, bad input fails for good, with the field (rule 3)."""
    with pytest.raises(StepFailedForGood, match=r"order.amount"):
        Shop(blind).handle(first(part="retriable", input_={"token": "tok_verysecret"}))


@pytest.mark.parametrize("model", ["no.such.module:Card", f"{__name__}:NoCard"])
def test_a_model_that_cannot_be_imported_is_told(model: str) -> None:
    """A function that was deployed without the model rejects, and names what it lacks."""
    with pytest.raises(Rejected, match="the input's model") as told:
        Shop(blind).handle({**first(), "model": model})
    assert model in str(told.value)


def test_what_the_input_hides_is_hidden_in_every_text() -> None:
    """A handler that takes no secret, and quotes one, shows asterisks."""

    def quotes() -> None:
        raise RuntimeError("cannot charge tok_verysecret")

    with pytest.raises(StepFailed) as told:
        Shop(quotes).handle(first())
    assert "tok_verysecret" not in str(told.value)
    assert "***" in str(told.value)


def test_what_a_result_hides_is_hidden_where_it_is_refused() -> None:
    """The words of a result's own validator quote the secret; the error does not."""

    def ticket() -> Ticket:
        return {"token": "spent_verysecret"}  # type: ignore[return-value]  # as untyped code would

    with pytest.raises(StepFailedForGood) as told:
        Shop(ticket).handle(call())
    assert "spent_verysecret" not in str(told.value)
    assert "its result.token" in str(told.value)


def test_a_state_entered_after_its_redrive_is_not_late() -> None:
    """Of two times the later one counts: of entering the state, and of the redrive (rule 7)."""
    shop = Shop(blind, now=START + timedelta(hours=1, seconds=5))
    entered = "2026-11-21T09:00:00.000Z"
    payload = call(redrives=1, redriven="2026-11-21T08:00:01.000Z", entered=entered)
    assert shop.handle(payload) == "done"


def test_a_redrive_without_its_time_reads_first() -> None:
    """The count alone says that an earlier invocation may have run (rule 7)."""
    shop = Shop(blind)
    shop.handle(call())
    payload = call(redrives=1)
    del payload["execution"]["RedriveTime"]
    assert shop.handle(payload, lambda: "again") == "done"


def test_the_first_of_two_late_effects_is_undone_by_its_result() -> None:
    """Both have the step's key, so the first result says what is to be undone (rule 11)."""
    shop = Shop()
    given: list[Any] = []

    def refund(charge: str | None) -> None:
        given.append(charge)

    shop.handle(call("compensation", step="charge"), blind)
    for value in ("first", "second"):
        with pytest.raises(Exception, match="landed late"):
            shop.handle(call(), lambda value=value: value)
    shop.handle(call("compensation", step="charge", slot=[6]), refund)
    assert given == ["first"]


def test_a_result_that_was_never_recorded_is_none_for_a_compensation() -> None:
    """What a compensation reads of other steps is None where they were rejected (rule 22)."""
    shop = Shop()
    given: list[Any] = []

    def declines() -> None:
        raise Rejected("no")

    def refund(reserve: str | None) -> None:
        given.append(reserve)

    with pytest.raises(Rejected):
        shop.handle(call(slot=[1], step="reserve"), declines)
    shop.handle(call("compensation", reads={"reserve": [1]}), refund)
    assert given == [None]


def test_an_effect_that_landed_late_is_reported_as_such() -> None:
    """Whoever watches is told of an effect beside its slot, not of one more fence (rule 11)."""
    reports: list[str] = []

    class Watcher:
        def began(self, *_: Any) -> None:
            pass

        def ended(self, _: Any, report: Any) -> None:
            reports.append(report.outcome)

    shop = Shop(now=NOW, observer=Watcher())
    shop.handle(call("compensation"), lambda: None)
    with pytest.raises(Exception, match="landed late"):
        shop.handle(call(), blind)
    with pytest.raises(Exception, match="was sealed before"):
        shop.handle(call(attempt=1), blind)
    assert reports == ["compensated", LANDED_LATE, "Fenced"]
