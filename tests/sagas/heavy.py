"""A saga whose results are as large as a test wants, in every place where a result can be."""

from __future__ import annotations

from pydantic import BaseModel

from stepsaga import (
    Choice,
    Input,
    Map,
    Parallel,
    Participant,
    Rejected,
    Saga,
    SagaContext,
    Step,
    when,
)

MOST = 12


class Sizes:
    """How large each step's result shall be, and what was done, undone and given."""

    def __init__(self, **sizes: int) -> None:
        self.sizes = sizes
        self.standing: dict[str, str] = {}
        self.given: list[str] = []

    def text(self, step: str) -> str:
        """What a step returns."""
        return step[0] * self.sizes.get(step, 0)


participant = Participant(resources={"sizes": Sizes})


class Job(BaseModel):
    """The input."""

    pages: list[int]
    note: str = ""
    refused: bool = False


class Sketch(BaseModel):
    """A result that the definition looks into."""

    coloured: bool
    text: str


class RefusedError(Rejected):
    """The job was refused."""


def write(saga: SagaContext, sizes: Sizes) -> str:
    """Return a text."""
    text = sizes.text(saga.step)
    sizes.standing[saga.idempotency_key] = text
    return text


def sketch(saga: SagaContext, sizes: Sizes) -> Sketch:
    """Return a text beside what a choice asks for."""
    return Sketch(coloured=True, text=write(saga, sizes))


def rub_out(saga: SagaContext, sizes: Sizes, sketch: Sketch | None) -> None:
    """Undo it."""
    assert sketch is None or sketch.text == sizes.standing[saga.step_idempotency_key]
    sizes.standing.pop(saga.step_idempotency_key, None)


def erase(saga: SagaContext, sizes: Sizes, plan: str | None) -> None:
    """Undo a step of the root, given its own result."""
    assert plan is None or plan == sizes.standing[saga.step_idempotency_key]
    sizes.standing.pop(saga.step_idempotency_key, None)


def unprint(saga: SagaContext, sizes: Sizes, page: int, sheet: str | None, plan: str) -> None:
    """Undo an item's step, given its own result and one of the root."""
    assert page >= 0
    assert sheet is None or sheet == sizes.standing[saga.step_idempotency_key]
    assert plan == sizes.text("plan")
    sizes.standing.pop(saga.step_idempotency_key, None)


def forget(saga: SagaContext, sizes: Sizes) -> None:
    """Undo a step without looking at its result."""
    sizes.standing.pop(saga.step_idempotency_key, None)


def bind_all(  # noqa: PLR0913, PLR0917  # it takes everything
    job: Job, sizes: Sizes, plan: str, sheet: list[str], cover: str, colours: str | None
) -> str:
    """Take everything, and refuse the job if it says so."""
    assert sheet == [sizes.text("sheet")] * len(job.pages)
    sizes.given += [plan, *sheet, cover, colours or ""]
    if job.refused:
        raise RefusedError("not this one")
    return sizes.text("bind")


class MakeBook(Saga):
    """Results in a sequence, a choice, a parallel and a map."""

    job = Input(Job)
    plan = Step(write, compensation=erase)
    draft = Step(sketch, compensation=forget)
    colouring = Choice(colour=when(draft.result.coloured, colours=Step(write, compensation=forget)))
    making = Parallel(
        cover=Step(write, compensation=forget),
        pages=Map(
            job.pages,
            item="page",
            most=MOST,
            sheet=Step(write, compensation=unprint),
            proof=Step(write, compensation=forget),
        ),
    )
    bind = Step(bind_all, read_only=True)
