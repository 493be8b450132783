"""The signed part of a link: what is read is what was signed, and nothing else is read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepsaga.errors import StepFailed
from stepsaga.runtime.approval_keys import FixedKeys, SecretKeys
from stepsaga.runtime.approval_tokens import FOREIGN, FORGED, LONGEST, Link, NotValid, read, sign

KEYS = FixedKeys({"1": b"k" * 32, "2": b"l" * 32})
OTHERS = FixedKeys({"1": b"m" * 32, "2": b"n" * 32})
NAMES = st.text(min_size=1, max_size=80)
LINKS = st.builds(
    Link,
    saga=NAMES,
    id=NAMES,
    slot=NAMES,
    step=NAMES,
    word=st.sampled_from(("approve", "reject")),
    expires=st.integers(0, 2**40),
)
LINK = Link(saga="Buy", id="one", slot="2026/00001", step="review", word="approve", expires=9)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=%/ é\n\0"


@given(LINKS.filter(lambda link: "\ud800" not in repr(link)))
def test_what_was_signed_is_read(link: Link) -> None:
    """Any link comes back as it was, out of characters that every mail program leaves alone."""
    token = sign(link, KEYS, "events")
    assert read(token, KEYS, "events") == link
    assert token.isascii()
    assert set(token) <= set(LETTERS[:65])
    assert token[-1].isalnum()


@given(st.data())
def test_one_letter_changed_is_no_link(data: st.DataObject) -> None:
    """Whatever is changed, left out or added: it is forged, and not otherwise wrong."""
    token = sign(LINK, KEYS, "events")
    at = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(at, min(at + 2, len(token))))
    forged = token[:at] + data.draw(st.text(LETTERS, max_size=2)) + token[end:]
    if forged == token:
        return
    with pytest.raises(NotValid) as raised:
        read(forged, KEYS, "events")
    assert raised.value.reason == FORGED


@given(st.text() | st.text(LETTERS) | st.just("1.1.e30." + "A" * 43) | st.just("1.2.W10."))
def test_no_text_is_a_link(text: str) -> None:
    """Nothing that arrives can do more than be refused."""
    with pytest.raises(NotValid):
        read(text, KEYS, "events")


def test_parts_of_two_links_are_none() -> None:
    """The signature of one is not that of another: saga, id, slot, step, answer and time count."""
    token = sign(LINK, KEYS, "events")
    changes = {"saga": "Buz", "id": "two", "slot": "2026/00002", "step": "check", "expires": 10}
    for name, value in {**changes, "word": "reject"}.items():
        fields = {one: getattr(LINK, one) for one in LINK.__slots__} | {name: value}
        other = sign(Link(**fields), KEYS, "events")
        mixed = other.rpartition(".")[0] + "." + token.rpartition(".")[2]
        with pytest.raises(NotValid):
            read(mixed, KEYS, "events")


def test_keys_of_other_stacks() -> None:
    """Another stack's key makes forged links; its table's name alone makes foreign ones."""
    for audience, keys, reason in [("events", OTHERS, FORGED), ("others", KEYS, FOREIGN)]:
        with pytest.raises(NotValid) as raised:
            read(sign(LINK, KEYS, audience), keys, "events")
        assert raised.value.reason == reason


def test_a_long_text_is_not_looked_at() -> None:
    """What is longer than any link is refused before anything is computed."""
    with pytest.raises(NotValid):
        read("1.1." + "A" * LONGEST + ".A", KEYS, "events")


class Secret:
    """A secret that is read, and how often."""

    def __init__(self, **keys: str) -> None:
        self.text = json.dumps(keys)
        self.read_at: list[float] = []
        self.now = 0.0

    def read(self) -> str:
        """Read it."""
        self.read_at.append(self.now)
        return self.text

    def clock(self) -> float:
        """Seconds."""
        return self.now

    @property
    def keys(self) -> SecretKeys:
        """Keys that are kept as a function keeps them."""
        return SecretKeys(self.read, self.clock)


def test_a_new_key_is_found_at_once() -> None:
    """Who has kept the keys reads them again for a name that is new, and old links go on."""
    secret = Secret(current="1", **{"1": "k" * 48})
    keys = secret.keys
    assert keys.current() == ("1", b"k" * 48)
    secret.text = json.dumps({"current": "2", "1": "k" * 48, "2": "l" * 48})
    secret.now = 60
    assert keys.named("2") == b"l" * 48
    assert keys.named("1") == b"k" * 48
    assert keys.current()[0] == "2"


def test_names_made_up_cost_little() -> None:
    """Whoever makes up names of keys has the secret read every few seconds at most."""
    secret = Secret(current="1", **{"1": "k" * 48})
    keys = secret.keys
    for tenth in range(200):
        secret.now = tenth / 10
        assert keys.named(f"no-{tenth}") is None
    assert len(secret.read_at) <= 5


def test_a_key_that_was_taken_out_is_forgotten() -> None:
    """Within minutes links are void that a key has signed which is not there any more."""
    secret = Secret(current="1", **{"1": "k" * 48, "2": "l" * 48})
    keys = secret.keys
    assert keys.named("2")
    secret.text = json.dumps({"current": "1", "1": "k" * 48})
    secret.now = 301
    assert keys.named("2") is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "k" * 48, "[]", "{}", '{"current": "1"}', '{"1": "k"}', '{"current": 1, "1": "k"}'),
        json.dumps({"current": "1", "1": "short"}),
        json.dumps({"current": "1", "1": "k" * 48, "2": ""}),
        json.dumps({"current": "3", "1": "k" * 48}),
        json.dumps({"current": "2026.11", "2026.11": "k" * 48}),
        json.dumps({"current": "1", "1": "k" * 48, "k\u00fc": "l" * 48}),
    ],
)
def test_a_secret_that_holds_something_else(text: str) -> None:
    """Said in words that do not quote it."""
    keys = SecretKeys(lambda: text)
    with pytest.raises(StepFailed, match="ApprovalLinkKeys is not") as raised:
        keys.current()
    assert "short" not in str(raised.value)
