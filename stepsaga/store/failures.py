"""What AWS's errors mean to an event store, and the way out of each."""

from __future__ import annotations

from contextlib import contextmanager
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
    except ClientError as error:
        raise _of_reply(error, thing, if_missing) from error
    except CREDENTIALS as error:
        raise StoreUnreachable(
            f"{thing}: no AWS credentials ({error}); set AWS_PROFILE or AWS_ACCESS_KEY_ID and"
            " AWS_SECRET_ACCESS_KEY, or give the function a role"
        ) from error
    except NO_ANSWER as error:
        raise StoreUnreachable(
            f"{thing}: no answer ({error}); check the network, the Region and AWS_ENDPOINT_URL"
        ) from error
    except NoRegionError as error:
        raise StoreUnreachable(
            f"{thing}: no AWS Region; set AWS_DEFAULT_REGION, or a Region in your AWS profile"
        ) from error
    except BotoCoreError as error:
        raise StoreError(f"{thing}: {error}") from error


def _of_reply(error: ClientError, thing: str, if_missing: str) -> StoreError:
    code = code_of(error)
    message = error.response.get("Error", {}).get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in MISSING:
        return TableMissing(f"there is no {thing}; {if_missing}")
    if code in THROTTLED:
        return StoreThrottled(f"{thing} is over its rate ({code}: {message}); try again later")
    if code in REFUSED:
        return StoreUnreachable(
            f"{thing}: AWS refuses these credentials ({code}: {message}); check the role's policy,"
            " the account and the Region"
        )
    if status >= SERVER_ERROR:
        return StoreUnreachable(f"{thing}: AWS failed ({code}: {message}); try again later")
    return StoreError(f"{thing}: {code}: {message}")
