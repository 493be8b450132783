"""The part of an approval link that matters: what it is for, signed.

A token is ``1.<key>.<claims>.<signature>``: a version, the name of a key, what it is for as JSON,
and the HMAC-SHA256 of all that; the last two in base64url. Nothing of it is believed before the
signature is compared, and the signature is over the very characters that stand there.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from stepsaga.store.slots import stream_of

Word = Literal["approve", "reject"]
"""Which answer a link gives."""

FORGED: Final = "forged"
FOREIGN: Final = "foreign"
LONGEST: Final = 2_000
"""Characters. A link is made of names of 80 characters, and has a few hundred."""
_VERSION: Final = "1"
KEY_NAME: Final = re.compile(r"[\w-]{1,64}", re.ASCII)
"""What a key can be called: no link that is signed by one of another name would ever be read."""
_SHAPE: Final = re.compile(rf"1\.(?P<key>{KEY_NAME.pattern})\.(?P<claims>[\w-]+)\.[\w-]+", re.ASCII)
_CONTEXT: Final = b"stepsaga approval link\n"
"""Before what is signed: so a key that signs something else, too, signs no links by that."""


class Keys(Protocol):
    """The keys by which links are signed, by name."""

    def current(self) -> tuple[str, bytes]:
        """The name of the key that signs new links, and the key."""
        ...

    def named(self, name: str) -> bytes | None:
        """The key of that name; None where there is none, or none any more."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What a link is for: one answer to one question, for a time.

    Attributes:
        saga, id: Which saga asks.
        slot: Where the answer goes, run and lane included.
        step: The step that asks.
        word: The answer.
        expires: When it ends; seconds since 1970.
    """

    saga: str
    id: str
    slot: str
    step: str
    word: Word
    expires: int

    @property
    def stream(self) -> str:
        """The saga's stream."""
        return stream_of(self.saga, self.id)


class NotValid(Exception):  # never leaves the function
    """A token that is none of ours. ``reason`` is for who counts, not for who sent it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def sign(link: Link, keys: Keys, audience: str) -> str:
    """A link's token: letters, digits, ``-``, ``_`` and ``.``, the last one a letter or a digit.

    Args:
        link: What it is for.
        keys: By which it is signed.
        audience: For whom: the name of the event table. A link of another stack is none of ours,
            also where somebody has given both the same keys.
    """
    name, key = keys.current()
    claims = [_digest(audience), link.saga, link.id, link.slot, link.step, link.word, link.expires]
    text = json.dumps(claims, ensure_ascii=False, separators=(",", ":"))
    signed = f"{_VERSION}.{name}.{_base64(text.encode())}"
    return f"{signed}.{_signature(key, signed)}"


def read(token: str, keys: Keys, audience: str) -> Link:
    """What a token is for. Whether that still stands is another question.

    Raises:
        NotValid: It was not signed by one of the keys, or for another stack.
        CallError: As ``keys`` do.
    """
    found = _SHAPE.fullmatch(token) if len(token) <= LONGEST else None
    key = keys.named(found["key"]) if found else None
    signed, _, signature = token.rpartition(".")
    if key is None or not hmac.compare_digest(_signature(key, signed), signature):
        raise NotValid(FORGED)
    assert found is not None  # noqa: S101  # for mypy
    audience_of, saga, saga_id, slot, step, word, expires = _claims(found["claims"])
    if audience_of != _digest(audience):
        raise NotValid(FOREIGN)
    return Link(saga=saga, id=saga_id, slot=slot, step=step, word=word, expires=expires)


def _claims(text: str) -> list[Any]:
    """Of a signature that was right: so they are as `sign` has written them."""
    padded = text + "=" * (-len(text) % 4)
    claims: list[Any] = json.loads(base64.urlsafe_b64decode(padded))
    return claims


def _signature(key: bytes, signed: str) -> str:
    return _base64(hmac.digest(key, _CONTEXT + signed.encode(), hashlib.sha256))


def _digest(audience: str) -> str:
    return hashlib.sha256(audience.encode()).hexdigest()[:16]


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
