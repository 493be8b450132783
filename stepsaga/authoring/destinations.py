"""Where a question is sent that no handler asks: `Queue`, `Topic`, `Bus`."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from stepsaga.authoring.signatures import Signature
from stepsaga.graph import Channel, Destination

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stepsaga.authoring.options import Options

SENDER: Final = "stepsaga.runtime.question_messages"
"""The participant that sends: a function of ours, with the right to send there and nothing else."""
LOGICAL_ID: Final = re.compile(r"[A-Za-z0-9]{1,255}")
"""The name of a resource in a template."""


@dataclass(frozen=True, slots=True)
class Queue:
    """An SQS queue that takes questions: the logical id of the resource in ``template.yaml``.

    A message is JSON: ``{"saga", "id", "step", "key", "data"}``. ``key`` is the same where a
    question is sent again; for a FIFO queue it is the deduplication id, and the saga the group.
    """

    name: str
    channel: ClassVar[Channel] = Channel.QUEUE


@dataclass(frozen=True, slots=True)
class Topic:
    """An SNS topic that takes questions: as `Queue`."""

    name: str
    channel: ClassVar[Channel] = Channel.TOPIC


@dataclass(frozen=True, slots=True)
class Bus:
    """An EventBridge bus that takes questions: as `Queue`; ``Bus("default")`` is the account's.

    The event has the source ``stepsaga`` and the detail type ``Question``.
    """

    name: str
    channel: ClassVar[Channel] = Channel.BUS


def destination_of(handler: object, options: Options) -> Destination | None:
    """Where a question is sent, as the graph has it; None for one that a handler asks."""
    if not isinstance(handler, Queue | Topic | Bus):
        return None
    name: object = handler.name
    if not isinstance(name, str) or not LOGICAL_ID.fullmatch(name):
        text = f"{handler!r} names no resource of a template"
        hint = f'write {type(handler).__name__}("...") with the logical id of the resource: letters'
        options.add("S515", text, f"{hint} and digits")
        return None
    return Destination(handler.channel, name)


def signature_of(takes: Iterable[str]) -> Signature:
    """What the sender is called with: whatever the author takes, as it is."""
    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=Any) for name in takes
    ]
    return Signature(
        reference=f"{SENDER}:send", module=SENDER, parameters=tuple(parameters), returns=None
    )
