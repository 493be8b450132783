"""What AWS's errors mean, and the way out of each: to an event store, and to others who ask."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 (botocore's own; it is no HTTPClientError)
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)

from stepsaga.errors import StoreError, StoreThrottled, StoreUnreachable, TableMissing

if TYPE_CHECKING:
    from collections.abc import Iterator

MISSING: Final = frozenset({"ResourceNotFoundException"})

THROTTLED: Final = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)

REFUSED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""Nothing was written: AWS does not know the caller, or the caller may not."""

SERVER_ERROR: Final = 500

CREDENTIALS: Final = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    SSOError,
    TokenRetrievalError,
)

NO_ANSWER: Final = (HTTPClientError, ConnectionError, IncompleteReadError)


def code_of(error: ClientError) -> str:
    """The name under which AWS sent an error."""
    return str(error.response.get("Error", {}).get("Code", ""))


class Kind(Enum):
    """What an error means to whoever asked."""

    MISSING = auto()
    """There is no such thing."""
    THROTTLED = auto()
    """Over the rate: later it may work."""
    UNREACHABLE = auto()
    """No credentials, no rights, no network, no answer. A request may have been carried out."""
    OTHER = auto()
    """Anything else that AWS or botocore refuses."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of botocore's, explained.

    Attributes:
        kind: What it means.
        code: AWS's name for it; empty where AWS did not answer.
        text: What happened, and the way out; what was asked for is not named in it.
    """

    kind: Kind
    code: str
    text: str


def failure_of(error: ClientError | BotoCoreError) -> Failure:
    """What an error of botocore's means."""
    if isinstance(error, ClientError):
        return _of_reply(error)
    if isinstance(error, CREDENTIALS):
        text = (
            f"no AWS credentials ({error}); set AWS_PROFILE or AWS_ACCESS_KEY_ID and"
            " AWS_SECRET_ACCESS_KEY, or give the function a role"
        )
        return Failure(Kind.UNREACHABLE, "", text)
    if isinstance(error, NO_ANSWER):
        text = f"no answer ({error}); check the network, the Region and AWS_ENDPOINT_URL"
        return Failure(Kind.UNREACHABLE, "", text)
    if isinstance(error, NoRegionError):
        text = "no AWS Region; set AWS_DEFAULT_REGION, or a Region in your AWS profile"
        return Failure(Kind.UNREACHABLE, "", text)
    return Failure(Kind.OTHER, "", str(error))


def _of_reply(error: ClientError) -> Failure:
    code = code_of(error)
    told = f"{code}: {error.response.get('Error', {}).get('Message', '')}"
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in MISSING:
        return Failure(Kind.MISSING, code, told)
    if code in THROTTLED:
        return Failure(Kind.THROTTLED, code, f"over its rate ({told}); try again later")
    if code in REFUSED:
        text = (
            f"AWS refuses these credentials ({told}); check the role's policy, the account and"
            " the Region"
        )
        return Failure(Kind.UNREACHABLE, code, text)
    if status >= SERVER_ERROR:
        return Failure(Kind.UNREACHABLE, code, f"AWS failed ({told}); try again later")
    return Failure(Kind.OTHER, code, told)


@contextmanager
def explained(thing: str, *, if_missing: str = "") -> Iterator[None]:
    """Raise what botocore raises inside as an error of the store's, which names ``thing``.

    Args:
        thing: ``table 'events'``, ``bucket 'events'``.
        if_missing: What to do where there is no such thing.

    Raises:
        TableMissing: There is no such table.
        StoreThrottled: Over the rate.
        StoreUnreachable: No credentials, no rights, no network, no answer. A write may have landed;
            sent again, it finds itself.
        StoreError: Anything else that AWS refuses.
    """
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise _of_store(failure_of(error), thing, if_missing) from error


def _of_store(failure: Failure, thing: str, if_missing: str) -> StoreError:
    match failure.kind:
        case Kind.MISSING:
            return TableMissing(f"there is no {thing}; {if_missing}")
        case Kind.THROTTLED:
            return StoreThrottled(f"{thing} is {failure.text}")
        case Kind.UNREACHABLE:
            return StoreUnreachable(f"{thing}: {failure.text}")
    return StoreError(f"{thing}: {failure.text}")
