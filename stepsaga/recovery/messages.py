"""Messages of SQS that start sagas: a batch, each on its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import RequestError, TriggerUnknown
from stepsaga.recovery.triggers import EVENT, QUEUE, SCHEDULE
from stepsaga.runtime.dead_letters import MESSAGE, DeadLetter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from stepsaga.recovery.triggers import KnownTrigger, Starter
    from stepsaga.runtime.dead_letters import DeadLetters

TRIGGERS: Final = "Triggers"
"""The logical id of our own queue: EventBridge puts there what its rules have matched."""
ENOUGH_SECONDS: Final = 15.0
"""Less is not enough to begin with a message: its calls may each take their time."""
Failures = dict[str, list[dict[str, str]]]


class Messages:
    """Takes batches of SQS.

    Args:
        triggers: All that there are.
        starter: Starts sagas.
        letters: Where what can never be started goes.
        queues: The URLs of the queues, by logical id.
        now: The clock, aware.
        log: Is told of what could not be started now.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # collaborators
        self,
        triggers: Iterable[KnownTrigger],
        starter: Starter,
        letters: DeadLetters,
        queues: Mapping[str, str],
        now: Callable[[], datetime],
        log: Callable[[str, Exception], None],
    ) -> None:
        triggers = tuple(triggers)
        self._by_key = {one.key: one for one in triggers if one.kind in {EVENT, SCHEDULE}}
        self._by_queue = {one.source: one for one in triggers if one.kind == QUEUE}
        self._starter = starter
        self._letters = letters
        self._queues = {url.rpartition("/")[2]: (name, url) for name, url in queues.items()}
        self._now = now
        self._log = log

    def take(
        self, records: Sequence[Mapping[str, Any]], seconds_left: Callable[[], float]
    ) -> Failures:
        """Start what the messages of a batch start.

        Args:
            records: As Lambda has them of SQS.
            seconds_left: Of the invocation. What cannot be begun in time comes again.

        Returns:
            ``{"batchItemFailures": [{"itemIdentifier": "<message id>"}]}`` with those that shall
            come again; all others are done, or lie in the dead letters.
        """
        failed: list[dict[str, str]] = []
        for record in records:
            # What stands behind a failure in a FIFO queue may be of its group, and not overtake it.
            held = bool(failed) and record["eventSourceARN"].endswith(".fifo")
            if held or seconds_left() < ENOUGH_SECONDS or not self._take(record):
                failed.append({"itemIdentifier": record["messageId"]})
        return {"batchItemFailures": failed}

    def _take(self, record: Mapping[str, Any]) -> bool:
        """Whether a message is done."""
        queue, url = self._queues.get(record["eventSourceARN"].rpartition(":")[2], ("", ""))
        what = "trigger"
        try:
            try:
                trigger, event, value = self._read(queue, record["body"])
                what = trigger.what
                if event:
                    self._starter.by_event(trigger, value)
                else:
                    self._starter.by_input(trigger, value, _id_of(record))
            except RequestError as error:
                reason = f"{type(error).__name__}: {error}"
                own = _id_of(record)
                letter = DeadLetter(record["body"], reason, url, self._now(), what, own)
                self._letters.send(letter)
        except Exception as error:  # noqa: BLE001  # it comes again
            self._log(f"{what}: a message could not be taken, and comes again", error)
            return False
        return True

    def _read(self, queue: str, body: str) -> tuple[KnownTrigger, bool, Any]:
        """The trigger of a message, whether it is an event, and what it holds.

        Raises:
            TriggerUnknown: There is none.
        """
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            raise TriggerUnknown(f"a message of {queue or 'a queue'} is no JSON") from None
        if queue != TRIGGERS:
            if queue not in self._by_queue:
                raise TriggerUnknown(f"no trigger reads the queue {queue or '?'}")
            return self._by_queue[queue], False, content
        key = content.get("trigger") if isinstance(content, dict) else None
        if not isinstance(key, str) or key not in self._by_key:
            raise TriggerUnknown(f"there is no trigger {key!r} in this release")
        return self._by_key[key], True, content.get("event")


def _id_of(record: Mapping[str, Any]) -> str:
    """A message's id; of a dead letter that was sent again, the one that it had at first."""
    attribute = record.get("messageAttributes", {}).get(MESSAGE, {})
    return attribute.get("stringValue") or str(record["messageId"])
