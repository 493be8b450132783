"""One AWS that can be found, an emulator's, and nothing of the user's own accounts."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REGION: Final = "eu-central-1"
_OURS: Final = "AWS_"


def settings(url: str, key: str, *, config: str = os.devnull) -> dict[str, str]:
    """The environment variables that lead to an emulator.

    Args:
        url: Its address.
        key: The access key that it takes, and its secret.
        config: A configuration file of AWS's tools; by default none.
    """
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": key,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": config,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def environment(chosen: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with these settings, and no other of AWS's, for a child."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**kept, **chosen}


@contextmanager
def isolated(chosen: Mapping[str, str]) -> Iterator[None]:
    """While the block runs, this process has these settings and no other of AWS's.

    A profile of the user's, or an endpoint for one service, would win over them.
    """
    import boto3  # noqa: PLC0415  # whoever makes no client in this process does not need it

    before = {name: value for name, value in os.environ.items() if name.startswith(_OURS)}
    _forget()
    os.environ |= chosen
    boto3.setup_default_session()  # an earlier one would remember the user's settings
    try:
        yield
    finally:
        _forget()
        os.environ |= before
        # Made anew when it is asked for: the user's settings may be such that it cannot be.
        boto3.DEFAULT_SESSION = None


def _forget() -> None:
    for name in [name for name in os.environ if name.startswith(_OURS)]:
        del os.environ[name]
