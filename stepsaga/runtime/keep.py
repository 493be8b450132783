"""Puts the compiled graphs of a release into the event table when it is deployed (rule 9).

The provider of a custom resource: CloudFormation calls it before the state machines are updated, so
that no saga runs on a graph that is not kept. Graphs are kept for ever; deleting the resource, or
the stack, takes nothing away.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import json
import os
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import StepFailed, StoreUnreachable
from stepsaga.runtime.clients import client
from stepsaga.runtime.texts import cut, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stepsaga.store.protocol import EventStore

FILE: Final = "definitions.json"
"""In the function's folder: the graphs of its release by fingerprint."""
EVENT_TABLE: Final = "STEPSAGA_EVENT_TABLE"
ID: Final = "stepsaga-definitions"
"""The resource's physical id, always the same: an update never replaces it."""
PAUSES: Final = (2.0, 4.0, 8.0, 8.0)
"""Seconds; with them and what the client itself tries, all fits into the function's time."""
SEND_SECONDS: Final = 10
"""For the answer, which is short."""
LONGEST_REASON: Final = 1000
"""Bytes: a whole response has 4 KiB."""


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Answer CloudFormation, whatever happens: it waits for that.

    Raises:
        OSError: The answer could not be sent. Lambda calls again, and to keep again is the same.
    """
    del context
    send(event["ResponseURL"], answer(event, Path.cwd(), _store))


def answer(
    event: Mapping[str, Any],
    folder: Path,
    store: Callable[[], EventStore],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Keep the graphs that a request names, and say how that went.

    Args:
        event: CloudFormation's request.
        folder: Where ``definitions.json`` is.
        store: Makes the event store.
        sleep: Pauses, in seconds.
    """
    reply = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    reply |= {"PhysicalResourceId": ID, "Status": "SUCCESS"}
    if event["RequestType"] == "Delete":
        return reply
    try:
        _keep_patiently(event["ResourceProperties"]["Fingerprints"], folder, store(), sleep)
    except Exception as error:  # noqa: BLE001  # an answer that is not sent holds the deployment
        return reply | {"Status": "FAILED", "Reason": _reason(error)}
    return reply


def send(url: str, reply: Mapping[str, Any]) -> None:
    """Put an answer where CloudFormation waits for it.

    Raises:
        OSError: It did not take it.
    """
    # The address is signed without a content type, so none may be sent.
    request = urllib.request.Request(  # noqa: S310  # CloudFormation's own
        url, data=json.dumps(reply).encode(), headers={"Content-Type": ""}, method="PUT"
    )
    with urllib.request.urlopen(request, timeout=SEND_SECONDS) as response:  # noqa: S310  # as above
        response.read()


def _keep_patiently(
    fingerprints: list[str], folder: Path, store: EventStore, sleep: Callable[[float], None]
) -> None:
    """At the very first deployment the role is so new that it may not be known everywhere yet.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
    """
    for pause in PAUSES:
        try:
            _keep(fingerprints, folder, store)
        except StoreUnreachable:
            sleep(pause)
        else:
            return
    _keep(fingerprints, folder, store)


def _keep(fingerprints: list[str], folder: Path, store: EventStore) -> None:
    graphs = json.loads((folder / FILE).read_text(encoding="utf-8"))
    for mark in fingerprints:
        if mark in graphs:
            store.put_definition(mark, graphs[mark])
        # A deployment that is rolled back asks for the release before, which this build lacks.
        elif store.get_definition(mark) is None:
            raise StepFailed(
                f"{FILE} lacks the graph {mark}: the template and the build are not of one release."
                " Run `stepsaga template`, then `sam build` again"
            )


def _reason(error: Exception) -> str:
    """An error's text on one line; JSON would write six bytes for each character that is none."""
    text = "".join(letter if letter.isprintable() else " " for letter in describe(error))
    return cut(text, LONGEST_REASON)


def _store() -> EventStore:
    from stepsaga.store.dynamodb import DynamoDBStore  # noqa: PLC0415  # as in the entry of steps

    return DynamoDBStore(client=client("dynamodb"), table=os.environ[EVENT_TABLE])
