"""The keys of approval links: those of Secrets Manager, or one that lives as long as a process."""

from __future__ import annotations

import json
import os
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import StepFailed
from stepsaga.runtime.approval_tokens import KEY_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KEYS: Final = "STEPSAGA_APPROVAL_KEYS"
"""The variable with the secret's ARN."""
CURRENT: Final = "current"
SHORTEST: Final = 32
"""Characters of a key. HMAC-SHA256 is as strong as 32 bytes: https://www.rfc-editor.org/rfc/rfc2104"""
FRESH: Final = 300
"""Seconds for which keys are kept: so long one that was taken out may still be known."""
AT_LEAST: Final = 5
"""Seconds between two reads. Somebody who makes names of keys up shall not cost a request each."""


class FixedKeys:
    """Keys that are known: in tests, and where sagas run in one process.

    Args:
        keys: By name.
        current: Which of them signs; the last one where nothing is said.
    """

    def __init__(self, keys: Mapping[str, bytes], current: str = "") -> None:
        self._keys = dict(keys)
        self._current = current or list(self._keys)[-1]

    def current(self) -> tuple[str, bytes]:
        """See `Keys`."""
        return self._current, self._keys[self._current]

    def named(self, name: str) -> bytes | None:
        """See `Keys`."""
        return self._keys.get(name)


@lru_cache(maxsize=1)
def process_keys() -> FixedKeys:
    """A key of this process's own: what it signs nobody else can check."""
    return FixedKeys({"process": os.urandom(SHORTEST)})


class SecretKeys:
    """The keys in a secret: ``{"current": "2", "1": "...", "2": "..."}``.

    They are kept for minutes. A name that is not known is looked for in the secret once more: it
    may be that of a key which was put there a moment ago.

    Args:
        read: Reads the secret's text.
        clock: Seconds that only ever grow.
    """

    def __init__(
        self, read: Callable[[], str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._clock = clock
        self._keys: FixedKeys | None = None
        self._since = 0.0

    def current(self) -> tuple[str, bytes]:
        """See `Keys`.

        Raises:
            StepFailed: The secret cannot be read, or holds something else.
        """
        return self._known(FRESH).current()

    def named(self, name: str) -> bytes | None:
        """See `Keys`; raises as `current`."""
        found = self._known(FRESH).named(name)
        return found if found is not None else self._known(AT_LEAST).named(name)

    def _known(self, age: float) -> FixedKeys:
        now = self._clock()
        if self._keys is None or now - self._since >= age:
            self._keys = _parsed(self._read())
            self._since = now
        return self._keys


def secret_reader(connect: Callable[[str], Any], secret: str) -> Callable[[], str]:
    """What reads a secret's text, with a client that is made at the first time.

    Args:
        connect: Makes a service's client.
        secret: Its ARN.
    """
    clients: list[Any] = []

    def read() -> str:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # seldom needed

        if not clients:
            clients.append(connect("secretsmanager"))
        try:
            return str(clients[0].get_secret_value(SecretId=secret)["SecretString"])
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "?")
            raise StepFailed(f"the keys of approval links cannot be read: {code}") from None
        except BotoCoreError as error:
            name = type(error).__name__
            raise StepFailed(f"the keys of approval links cannot be read: {name}") from None

    return read


def _parsed(text: str) -> FixedKeys:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, dict) and all(isinstance(value, str) for value in found.values()):
        keys = {name: value.encode() for name, value in found.items() if name != CURRENT}
        current = found.get(CURRENT, "")
        named = all(map(KEY_NAME.fullmatch, keys))
        if current in keys and named and all(len(key) >= SHORTEST for key in keys.values()):
            return FixedKeys(keys, current)
    # Not what it holds, whatever that is.
    raise StepFailed(
        'the secret ApprovalLinkKeys is not {"current": "1", "1": "..."}: keys by name (letters,'
        f" digits, _ and -), each of {SHORTEST} or more characters, and which of them signs new"
        " links"
    )
