"""Requests of API Gateway that start sagas, and what is answered."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import IdInvalid, IdTaken, InputInvalid
from stepsaga.limits import DOCUMENT_BYTES
from stepsaga.recovery.triggers import REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from stepsaga.recovery.triggers import KnownTrigger, Starter

KEY: Final = "idempotency-key"
"""The header with the id of a request whose trigger names none."""
SOON: Final = "2"
"""Seconds until a request is worth sending again."""


class _Refused(Exception):
    """A request is answered before anything is looked at."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


class Requests:
    """Takes requests, as API Gateway hands them to a function that answers them.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html

    Args:
        triggers: All that there are.
        starter: Starts sagas.
        log: Is told of what could not be started now.
    """

    def __init__(
        self,
        triggers: Iterable[KnownTrigger],
        starter: Starter,
        log: Callable[[str, Exception], None],
    ) -> None:
        self._by_route = {one.source: one for one in triggers if one.kind == REQUEST}
        self._starter = starter
        self._log = log

    def take(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Start what a request starts.

        Returns:
            The answer: 202 with saga and id, also where it was started before with that input; 400
            with the fields that are wrong, 413, 409 where the id has another saga, 404; 503 where
            it cannot be started now. None of them shows values.
        """
        route = f"{event['httpMethod']} {event.get('resource')}"
        trigger = self._by_route.get(route)
        if trigger is None:
            return _reply(404, f"nothing is started by {route}")
        try:
            own = "" if trigger.id else _key(event)
            done = self._starter.by_input(trigger, _body(event), own)
        except Exception as error:  # noqa: BLE001  # whoever asks is told
            return self._refusal(route, error)
        return _answer(202, {"saga": done.saga, "id": done.id})

    def _refusal(self, route: str, error: Exception) -> dict[str, Any]:
        match error:
            case _Refused(status=status):
                return _reply(status, str(error))
            case InputInvalid(fields=()):
                return _reply(400, str(error))
            case InputInvalid(fields=fields):
                return _reply(400, "the body does not fit", fields)
            case IdInvalid():
                return _reply(400, str(error))
            case IdTaken():
                return _reply(409, str(error))
        self._log(f"{route}: a request could not be taken", error)
        return _reply(503, "it cannot be started now; send it again", retry=SOON)


def _key(event: Mapping[str, Any]) -> str:
    headers = event.get("headers") or {}
    found = {name.lower(): value for name, value in headers.items()}.get(KEY)
    if not found:
        raise _Refused(400, "the header Idempotency-Key is missing")
    return str(found)


def _body(event: Mapping[str, Any]) -> Any:
    text: str | bytes = event.get("body") or ""
    try:
        if event.get("isBase64Encoded"):
            text = base64.b64decode(text, validate=True)
        # As JSON written compactly it may still fit; nobody needs four times the room.
        if len(text) > 4 * DOCUMENT_BYTES:
            raise _Refused(413, f"the body is over {4 * DOCUMENT_BYTES:,} bytes")
        return json.loads(text)
    except (ValueError, RecursionError, binascii.Error):
        raise _Refused(400, "the body is no JSON") from None


def _reply(
    status: int, error: str, fields: Iterable[tuple[str, str]] = (), retry: str = ""
) -> dict[str, Any]:
    wrong = [{"field": name, "problem": text} for name, text in fields]
    headers = {"Retry-After": retry} if retry else {}
    return _answer(status, {"error": error, "fields": wrong}, headers)


def _answer(
    status: int, content: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", **(headers or {})},
        "body": json.dumps(content, ensure_ascii=False),
    }
