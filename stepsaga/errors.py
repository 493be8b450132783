"""Every error that stepsaga raises on purpose. Imports nothing of ours.

StepsagaError
├── DefinitionError (TypeError)      a saga's class is wrong; carries every problem found
├── CallError                        what Step Functions sees: matched by these bare names
│   ├── Rejected                     "I did nothing"; authors raise it, or a subclass
│   ├── RejectedInDoubt              "I did nothing", but an earlier attempt may have
│   ├── StepFailed                   the outcome is unknown; retried as `Retry` says
│   ├── StepFailedForGood            the same, and a retry would not help
│   ├── Fenced                       the slot is sealed: the undoing has begun
│   └── BadCall (ValueError)         not a call that stepsaga compiled; nothing was written
├── StoreError                       the event store did not do what was asked
│   ├── TableMissing (LookupError)   no such table
│   ├── StoreUnreachable (ConnectionError)  no credentials, no network, no answer
│   ├── StoreThrottled (ConnectionError)    the table is over its rate
│   ├── CommitTooLarge (ValueError)  over DynamoDB's 400 KB, and no bucket to put it in
│   ├── CommitUnreadable (ValueError)  a stored commit cannot be decoded
│   └── EventInvalid (ValueError)    an event does not fit its model
├── EngineError (RuntimeError)       an engine refuses, by name, what it does not know
│   ├── MachineMissing (LookupError)    no such state machine
│   ├── ExecutionMissing (LookupError)  no such execution
│   ├── ExecutionExists (ValueError)    the name is taken: another input, or closed
│   ├── TaskTimedOut (ValueError)       a task token that nobody waits for any more
│   ├── EngineUnreachable (ConnectionError)  no credentials, no rights, no network, no answer
│   └── EngineThrottled (ConnectionError)    Step Functions is over its rate
├── DeploymentError (ValueError)     what would be deployed is wrong; names it and the way out
├── RequestError                     what was asked of a saga from outside cannot be
│   ├── IdInvalid (ValueError)       an id that is no name for an execution
│   ├── InputInvalid (ValueError)    an input that does not fit; nothing was started
│   ├── TriggerUnknown (LookupError)  what should start a saga is of no trigger
│   ├── IdTaken (ValueError)         the id has a saga already, with another input
│   ├── SagaMissing (LookupError)    nobody knows a saga of this id
│   ├── SagaNotDeployed (LookupError)  no such stack, or the saga is not in it
│   ├── NothingAsked (LookupError)   the saga asks no such question, or not yet
│   ├── AnswerInvalid (ValueError)   an answer that does not fit; nothing was answered
│   ├── AnsweredAlready (ValueError) there is another answer, or the question is over
│   └── UndoTaken                    somebody else has begun this undo from the log
└── UsageError (ValueError)          a command or a test asked for what cannot be
"""  # a tree is indented

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Source:
    """A place in somebody's source."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a definition, and the way out.

    Attributes:
        code: Stable, explained in ``docs/errors.md``: ``S402``.
        subject: What has the problem: ``FulfilOrder.charge``.
        text: What is wrong, with what was given.
        hint: What to write instead.
        source: Where it stands, if that is known.
    """

    code: str
    subject: str
    text: str
    hint: str
    source: Source | None = None

    def __str__(self) -> str:
        place = f"{self.source}: " if self.source else ""
        return f"{place}{self.code} {self.subject}: {self.text}\n    hint: {self.hint}"


class StepsagaError(Exception):
    """The root of them all."""


class DefinitionError(StepsagaError, TypeError):
    """A saga's definition has problems; all that were found are in ``problems``."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        count = len(self.problems)
        head = "1 problem" if count == 1 else f"{count} problems"
        super().__init__("\n".join([head, *(str(problem) for problem in self.problems)]))


class CallError(StepsagaError):
    """Errors by which a step's call ends. Step Functions sees only the class's bare name."""


class Rejected(CallError):
    """A handler's word that it did nothing, and that the saga shall be undone.

    Raise it, or a subclass with a name of your own (``class CardDeclined(Rejected)``). There is no
    retry, and the step's own compensation is skipped. Never raise it after an effect.
    """


class RejectedInDoubt(CallError):
    """``Rejected``, but an earlier attempt may have had an effect."""


class StepFailed(CallError):
    """A handler raised: whether it had an effect is unknown."""


class StepFailedForGood(CallError):
    """A handler raised an error that a retry cannot mend."""


class Fenced(CallError):
    """The step's slot is sealed, or was decided otherwise: somebody is already undoing.

    Attributes:
        landed: Whether the handler had run before: its effect is recorded beside the slot.
    """

    def __init__(self, *args: object, landed: bool = False) -> None:
        self.landed = landed
        super().__init__(*args)


class BadCall(CallError, ValueError):
    """What arrived is not a call that stepsaga compiled. Nothing was written."""


class StoreError(StepsagaError):
    """The event store did not do what was asked."""


class TableMissing(StoreError, LookupError):
    """There is no such table."""


class StoreUnreachable(StoreError, ConnectionError):
    """No credentials, no rights, no network or no answer."""


class StoreThrottled(StoreError, ConnectionError):
    """The table refuses for now: over its rate."""


class CommitTooLarge(StoreError, ValueError):
    """A commit is over DynamoDB's item limit of 400 KB, and no bucket is configured."""


class CommitUnreadable(StoreError, ValueError):
    """A stored commit cannot be decoded."""


class EventInvalid(StoreError, ValueError):
    """An event does not fit its model."""


class EngineError(StepsagaError, RuntimeError):
    """An engine refuses, by name, what it does not know or cannot do."""


class MachineMissing(EngineError, LookupError):
    """There is no such state machine."""


class ExecutionMissing(EngineError, LookupError):
    """There is no such execution."""


class ExecutionExists(EngineError, ValueError):
    """The name is taken by an execution with another input, or by one that is closed."""


class TaskTimedOut(EngineError, ValueError):
    """A task token's Task was answered already, its time is over, or it was stopped.

    Whoever has done the Task's work must undo it: the execution goes on without it.
    """


class EngineUnreachable(EngineError, ConnectionError):
    """No credentials, no rights, no network or no answer."""


class EngineThrottled(EngineError, ConnectionError):
    """Step Functions refuses for now: over its rate."""


class DeploymentError(StepsagaError, ValueError):
    """What would be deployed is wrong: names the resource, and the way out."""


class RequestError(StepsagaError):
    """What was asked of a saga from outside, by a client or a command, cannot be."""


class IdInvalid(RequestError, ValueError):
    """A saga's id is its execution's name, and this is none. Nothing was started."""


class InputInvalid(RequestError, ValueError):
    """The input does not fit the saga's model. Nothing was started. Names fields, no values.

    Attributes:
        fields: What is wrong, field by field: ``("items.0.sku", "Field required")``.
    """

    def __init__(self, *args: object, fields: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(*args)
        self.fields = fields


class TriggerUnknown(RequestError, LookupError):
    """What should start a saga names no trigger that there is, or is not of its form."""


class IdTaken(RequestError, ValueError):
    """There is, or has been, a saga of this id, with another input. Nothing was started."""


class SagaMissing(RequestError, LookupError):
    """Neither an execution nor the event table knows a saga of this id."""


class SagaNotDeployed(RequestError, LookupError):
    """There is no such stack, it is not one of stepsaga's, or the saga is not in it."""


class NothingAsked(RequestError, LookupError):
    """The saga asks no such question, has not asked it yet, or asks it in several lanes."""


class AnswerInvalid(RequestError, ValueError):
    """The answer does not fit what was asked. Nothing was answered. Names fields, no values."""


class AnsweredAlready(RequestError, ValueError):
    """There is another answer to the question, or its saga has ended. Nothing was changed."""


class UndoTaken(RequestError):
    """Somebody else has begun this undo from the log."""


class UsageError(StepsagaError, ValueError):
    """A command or a test asked for what cannot be."""
