"""Which errors are tried again, how often, and how long that can take at worst.

The order and the names are rule: see the table in ``docs/architecture.md``. Retry fields, their
ranges and defaults: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from stepsaga.graph import Retry
from stepsaga.limits import DISPATCH_SECONDS

if TYPE_CHECKING:
    from stepsaga.graph import Call

THROTTLED: Final = ("Lambda.TooManyRequestsException",)
"""The function did not run."""

TRANSIENT: Final = (
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
)
"""The function may have run."""

DOUBTFUL: Final = (
    "StepFailed",
    "States.Timeout",
    "Lambda.Unknown",
    "Sandbox.Timedout",
    "Runtime.ExitError",
)
"""The function may have had its effect: retried as the author says."""

ASKING: Final = tuple(error for error in DOUBTFUL if error != "States.Timeout")
"""The same for a question: where its time is up, the answer is missing, and is not asked for again.
"""

THROTTLED_RETRY: Final = Retry(attempts=9, wait=1, backoff=2, longest_wait=128, jitter=True)
TRANSIENT_RETRY: Final = Retry(attempts=7, wait=2, backoff=2, longest_wait=64, jitter=True)

DEFAULT_INTERVAL: Final = 1
DEFAULT_BACKOFF: Final = 2
"""What Step Functions takes where ``IntervalSeconds`` or ``BackoffRate`` is absent."""


def retriers(call: Call, *, asks: bool = False) -> list[dict[str, Any]]:
    """The ``Retry`` field of a call's Task; ``asks``: of one that waits for an answer."""
    names = (THROTTLED, TRANSIENT, ASKING if asks else DOUBTFUL)
    return [
        retrier(errors, retry)
        for errors, retry in zip(names, policies(call), strict=False)
        if retry.attempts > 1
    ]


def policies(call: Call) -> list[Retry]:
    """The policies by which a call's Task is tried again, in order; each counts for itself.

    Without a retry of the author's only throttling is retried: anything else may have run. Of what
    Step Functions does itself throttling looks like any other failure.
    """
    if call.direct:
        return [] if call.retry is None else [call.retry]
    if call.retry is None:
        return [THROTTLED_RETRY]
    return [THROTTLED_RETRY, TRANSIENT_RETRY, call.retry]


def retrier(names: tuple[str, ...], retry: Retry) -> dict[str, Any]:
    """One retrier. ``MaxAttempts`` counts the attempts after the first.

    A field that says what Step Functions does without it is left out: a definition has hundreds of
    retriers and a limit on its characters.
    """
    text: dict[str, Any] = {"ErrorEquals": list(names)}
    interval = min(retry.wait, retry.longest_wait)
    if interval != DEFAULT_INTERVAL:
        text["IntervalSeconds"] = interval
    text["MaxAttempts"] = retry.attempts - 1
    # Where the first pause is the longest already, none grows.
    backoff = 1.0 if retry.longest_wait <= retry.wait else retry.backoff
    if backoff != DEFAULT_BACKOFF:
        text["BackoffRate"] = int(backoff) if backoff == int(backoff) else backoff
    if backoff > 1 and any(wait > retry.longest_wait for wait in _natural_waits(retry)):
        text["MaxDelaySeconds"] = retry.longest_wait
    if retry.jitter:
        text["JitterStrategy"] = "FULL"
    return text


def pauses(retry: Retry) -> int:
    """Seconds spent waiting between all attempts of a policy, at worst (without jitter)."""
    return math.ceil(sum(min(wait, retry.longest_wait) for wait in _natural_waits(retry)))


def attempts(call: Call) -> int:
    """How often a call's Task can be attempted at worst: every retrier counts for itself."""
    return 1 + sum(policy.attempts - 1 for policy in policies(call))


def worst_seconds(call: Call) -> int:
    """How long a call's Task can take at worst: every attempt times out, every pause is full.

    What waits for a token is heard of within its time, or not tried again.
    """
    waiting = sum(map(pauses, policies(call)))
    return attempts(call) * (call.seconds + DISPATCH_SECONDS) + waiting + call.waits


@cache
def _natural_waits(retry: Retry) -> tuple[float, ...]:
    """The pauses as they would grow, none much longer than the longest that is allowed."""
    waits: list[float] = []
    wait = float(retry.wait)
    for _ in range(retry.attempts - 1):
        waits.append(wait)
        wait = min(wait * retry.backoff, retry.longest_wait + 1.0)
    return tuple(waits)
