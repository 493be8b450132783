"""Links by which an approval is given: what a handler that asks puts into its e-mail."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from stepsaga.errors import StepFailed
from stepsaga.runtime.approval_keys import KEYS, SecretKeys, process_keys, secret_reader
from stepsaga.runtime.approval_tokens import Keys, Link, Word, sign
from stepsaga.store.slots import slot_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stepsaga.runtime.call import Call

URL: Final = "STEPSAGA_APPROVAL_URL"
"""The variable that says where the links lead; a path alone is one of the endpoint of all AWS."""
TABLE: Final = "STEPSAGA_EVENT_TABLE"
ENDPOINT: Final = "AWS_ENDPOINT_URL"
HERE: Final = "http://localhost/approvals"
"""Where links lead of sagas that run in one process: nothing listens there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalLinks:
    """The links of a question. The handler of an `Approval` gets them in a parameter of this type.

    Whoever has a link can give its answer, once: so it goes to those who may, and not into a log.
    Opening it shows a page that says what is approved; only the button there decides.

    Attributes:
        approve: Leads to the page that approves.
        reject: Leads to the page that rejects.
        until: When both end: with the question, in UTC.
    """

    approve: str = field(repr=False)
    reject: str = field(repr=False)
    until: datetime


class LinkMaker(Protocol):
    """Makes the links of a call that asks."""

    def links(self, call: Call) -> ApprovalLinks:
        """The links of a call, which says for how long they last."""
        ...


class SignedLinks:
    """Links signed by keys.

    Args:
        keys: By which.
        audience: For which stack: the event table's name.
        url: What tokens are put behind.
        now: The clock.
    """

    def __init__(
        self, keys: Keys, audience: str, url: str, now: Callable[[], datetime] | None = None
    ) -> None:
        self._keys = keys
        self._audience = audience
        self._url = url.rstrip("/")
        self._now = now or (lambda: datetime.now(UTC))

    def links(self, call: Call) -> ApprovalLinks:
        """See `LinkMaker`.

        Raises:
            StepFailed: The keys cannot be read.
        """
        until = self._until(call)

        def url(word: Word) -> str:
            link = Link(
                saga=call.saga,
                id=call.execution.name,
                slot=slot_text(call.execution.started, call.slot),
                step=call.step,
                word=word,
                expires=int(until.timestamp()),
            )
            return f"{self._url}/{sign(link, self._keys, self._audience)}"

        return ApprovalLinks(approve=url("approve"), reject=url("reject"), until=until)

    def _until(self, call: Call) -> datetime:
        """The question's end. What is asked again waits anew: then it is that of this call."""
        since = self._now() if call.again else datetime.fromisoformat(call.state.entered)
        until = since.astimezone(UTC) + timedelta(seconds=call.links)
        return min(until, call.ends.astimezone(UTC)) if call.ends else until


class ProcessLinks:
    """Links where sagas run in one process, signed by its own key.

    Args:
        now: The clock.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def links(self, call: Call) -> ApprovalLinks:
        """See `LinkMaker`."""
        return SignedLinks(process_keys(), "", HERE, self._now).links(call)


class DeployedLinks:
    """Links of a deployed function, from its variables: at the first one that is asked for.

    Args:
        environment: The variables.
        connect: Makes a service's client.
    """

    def __init__(self, environment: Mapping[str, str], connect: Callable[[str], Any]) -> None:
        self._environment = environment
        self._connect = connect
        self._made: SignedLinks | None = None

    def links(self, call: Call) -> ApprovalLinks:
        """See `LinkMaker`.

        Raises:
            StepFailed: A variable is missing, or the keys cannot be read.
        """
        if self._made is None:
            url, secret = self._variable(URL), self._variable(KEYS)
            if url.startswith("/"):
                url = self._environment.get(ENDPOINT, "").rstrip("/") + url
            keys = SecretKeys(secret_reader(self._connect, secret))
            self._made = SignedLinks(keys, self._variable(TABLE), url)
        return self._made.links(call)

    def _variable(self, name: str) -> str:
        value = self._environment.get(name, "")
        if not value:
            raise StepFailed(
                f"the environment variable {name} is not set, so no approval links can be made; the"
                " generated template sets it, so deploy with it. Nothing was asked."
            )
        return value
