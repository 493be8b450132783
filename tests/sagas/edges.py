"""Sagas at the edges, with handlers that count their effects by key."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from stepsaga import Input, Participant, Rejected, Saga, SagaContext, Step


class Book:
    """Effects by name, once for each key."""

    def __init__(self) -> None:
        self.effects: dict[str, str] = {}

    def standing(self) -> list[str]:
        """What has been done and not undone."""
        return list(self.effects.values())


participant = Participant(resources={"book": Book})


class Parcel(BaseModel):
    """The sagas' input."""

    model_config = ConfigDict(extra="allow")

    n: int


class Refused(Rejected):
    """Nothing was done."""


def look() -> None:
    """Have no effect."""


def refuse() -> None:
    """Find that it cannot be."""
    raise Refused("not today")


def begin(saga: SagaContext, book: Book) -> str:
    """Do something, without looking at the input."""
    book.effects[saga.idempotency_key] = saga.step
    return "begun"


def end(saga: SagaContext, book: Book) -> None:
    """Undo it, without a tombstone."""
    book.effects.pop(saga.step_idempotency_key, None)


def ship(saga: SagaContext, book: Book) -> str:
    """Do what cannot be undone."""
    book.effects[saga.idempotency_key] = "ship"
    return "shipped"


def find(saga: SagaContext, book: Book) -> str:
    """Say whether it was shipped."""
    if saga.step_idempotency_key not in book.effects:
        raise Refused("it was not")
    return "found"


def thank(parcel: Parcel, saga: SagaContext, book: Book) -> None:
    """Look at the input, last of all."""
    book.effects[saga.idempotency_key] = f"thank {parcel.n}"


class LateLook(Saga):
    """Only the last step takes the input."""

    parcel = Input(Parcel)
    first = Step(begin, compensation=end)
    send = Step(ship, pivot=True, verify=find)
    last = Step(thank)


class LookFirst(Saga):
    """The first step has nothing to undo, and refuses."""

    parcel = Input(Parcel)
    ask = Step(refuse, read_only=True)
    first = Step(begin, compensation=end)


class UndoFirst(Saga):
    """The first step has something to undo."""

    parcel = Input(Parcel)
    first = Step(begin, compensation=end)
    second = Step(begin, compensation=end)
