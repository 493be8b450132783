"""The function ``ApprovalLinks``: takes what API Gateway hands it of the links of approvals."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import StepsagaError
from stepsaga.runtime.answers import StepFunctionsAnswers
from stepsaga.runtime.approval_keys import KEYS, SecretKeys, secret_reader
from stepsaga.runtime.approval_page import response
from stepsaga.runtime.approval_page import tell as tell_page
from stepsaga.runtime.approval_requests import ApprovalRequests
from stepsaga.runtime.clients import client
from stepsaga.runtime.lambda_entry import EVENT_BUCKET, EVENT_TABLE, LazyS3

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import IO

    from stepsaga.runtime.approval_tokens import Link

STACK: Final = "STEPSAGA_STACK"
NAMESPACE: Final = "stepsaga"
_LOST: Final = frozenset({"forged", "foreign", "unknown", "failed"})


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer one request. Everything that it needs is built at the first one."""
    del context
    return reply_to(event, _requests)


def reply_to(event: Mapping[str, Any], requests: Callable[[], ApprovalRequests]) -> dict[str, Any]:
    """The reply to one request, also where store, keys or Step Functions are out of reach.

    Raises:
        KeyError, StepFailed: As `requests_from`.
    """
    made = requests()  # what fails here, alarms as an error of the function
    try:
        return made.respond(event)
    except StepsagaError:
        return unavailable()


def unavailable() -> dict[str, Any]:
    """A page that says to try again."""
    text = "Nothing is lost: open the link once more in a minute, and press the button again."
    return response(503, tell_page("That did not work", text), **{"Retry-After": "60"})


def requests_from(environment: Mapping[str, str]) -> ApprovalRequests:
    """What answers requests, from the function's variables.

    Raises:
        KeyError: One is missing.
        StepFailed: No client can be made.
    """
    from stepsaga.store.dynamodb import DynamoDBStore  # noqa: PLC0415  # at the first call

    table, bucket = environment[EVENT_TABLE], environment.get(EVENT_BUCKET)
    return ApprovalRequests(
        store=DynamoDBStore(
            client=client("dynamodb"),
            table=table,
            s3=LazyS3(client) if bucket else None,
            bucket=bucket,
        ),
        answers=StepFunctionsAnswers(),
        keys=SecretKeys(secret_reader(client, environment[KEYS])),
        audience=table,
        report=PowertoolsReport(environment[STACK]),
    )


class PowertoolsReport:
    """One line of log and one count for each request: ``ApprovalLinksForged``, and so on.

    Neither the link is in it nor what anybody said.

    Args:
        stack: The stack's name, the metrics' one dimension besides the service.
        stream: Where the log goes; standard output by default.
    """

    def __init__(self, stack: str, *, stream: IO[str] | None = None) -> None:
        from aws_lambda_powertools import Logger  # noqa: PLC0415  # at the first call

        self._stack = stack
        self._logger = Logger(service=SERVICE, stream=stream)

    def __call__(self, what: str, link: Link | None) -> None:
        """See `Report`."""
        from aws_lambda_powertools.metrics import (  # noqa: PLC0415  # at the first call
            EphemeralMetrics,
            MetricUnit,
        )

        metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
        metrics.add_dimension(name="Stack", value=self._stack)
        metrics.add_metric(name=metric(what), unit=MetricUnit.Count, value=1)
        metrics.flush_metrics()
        ids = (
            {"saga": link.saga, "saga_id": link.id, "step": link.step, "answer": link.word}
            if link
            else {}
        )
        log = self._logger.warning if what in _LOST else self._logger.info
        log("a link was used", extra={"what": what, **ids})


SERVICE: Final = "stepsaga.approval_links"


def metric(what: str) -> str:
    """The name under which requests are counted with which the same was done."""
    return f"ApprovalLinks{what.capitalize()}"


@lru_cache(maxsize=1)
def _requests() -> ApprovalRequests:
    return requests_from(os.environ)
