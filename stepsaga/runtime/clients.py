"""boto3 clients as functions need them. boto3 itself comes with Lambda's runtime."""

from __future__ import annotations

import re
from typing import Any, Final

from stepsaga.errors import StepFailed

OLDEST_BOTO3: Final = (1, 28, 0)
"""What is needed of boto3: ``AWS_ENDPOINT_URL`` (1.28.0), and before it the winner of a refused put
(``ReturnValuesOnConditionCheckFailure``). Functions do not carry boto3, so it is looked at when a
process starts. https://docs.aws.amazon.com/lambda/latest/dg/python-package.html"""


def client(service: str) -> Any:
    """A client that honours ``AWS_ENDPOINT_URL``, and gives up before a step's time does.

    Raises:
        StepFailed: boto3 is too old, or no client can be made. Nothing was done.
    """
    import boto3  # noqa: PLC0415  # at the first call
    from botocore.config import Config  # noqa: PLC0415  # at the first call
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415  # at the first call

    check_version(boto3.__version__)
    # At worst three attempts of four seconds and their pauses: it fits a step of half a minute. A
    # write whose reply is lost finds itself when it is sent again.
    config = Config(
        connect_timeout=1,
        read_timeout=3,
        retries={"mode": "standard", "total_max_attempts": 3},
        tcp_keepalive=True,
    )
    try:
        return boto3.client(service, config=config)
    except (BotoCoreError, ValueError) as error:
        raise StepFailed(f"no {service} client can be made: {error}. Nothing was done.") from error


def check_version(version: str) -> None:
    """Refuse a boto3 that lacks what is needed.

    Raises:
        StepFailed: Says which it is, and which is needed.
    """
    # Of "1.28.0rc1" and "1.35.1.dev0" the numbers count, and "unknown" has none.
    numbers = re.match(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?", version)
    found = tuple(int(number or 0) for number in numbers.groups()) if numbers else ()
    if found < OLDEST_BOTO3:
        oldest = ".".join(map(str, OLDEST_BOTO3))
        raise StepFailed(
            f"boto3 {version!r} is not {oldest} or later, which stepsaga needs: deploy with a newer"
            " Lambda runtime: PythonVersion in template.yaml. Nothing was done."
        )
