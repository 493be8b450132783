"""What becomes of a request behind an approval link. Opening shows a page; only its button decides.

Mail scanners and previews open links, so GET decides nothing. The answer is recorded first, then
the Task is told, as with every answer (rule 26); whatever stands in the slot is told again by who
opens a link or presses its button, so that it does not matter where a call before has died.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import parse_qs

from stepsaga.limits import ERROR_TEXT_BYTES
from stepsaga.runtime.answering import REJECTED, Answer, Asked, commit_of, questions, tell
from stepsaga.runtime.approval_page import DONE, LONGEST_BY, LONGEST_NOTE, Question, response
from stepsaga.runtime.approval_page import ask as ask_page
from stepsaga.runtime.approval_page import tell as tell_page
from stepsaga.runtime.approval_tokens import NotValid, read
from stepsaga.runtime.approved import Approved
from stepsaga.runtime.generations import has_ended
from stepsaga.runtime.journal import rejection_of, value_of
from stepsaga.runtime.texts import cut, joined, visible
from stepsaga.store.commits import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stepsaga.runtime.answers import Answers
    from stepsaga.runtime.approval_tokens import Keys, Link
    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import EventStore

FORM: Final = "application/x-www-form-urlencoded"
LONGEST_BODY: Final = 16 * 1024
"""Bytes: a name and a note, each letter as up to twelve characters of a form."""
EXPIRED: Final = "expired"
USED: Final = "used"
OVER: Final = "over"
UNKNOWN: Final = "unknown"
SHOWN: Final = "shown"
FAILED: Final = "failed"


class Report(Protocol):
    """Who is told what became of each request."""

    def __call__(self, what: str, link: Link | None) -> None:
        """Hear of one: ``approved``, ``rejected``, ``shown``, or why it changed nothing."""
        ...


@dataclass(frozen=True, slots=True)
class _Found:
    """What the log says of a link's question."""

    asked: Asked | None
    stored: Commit | None
    ended: bool


class ApprovalRequests:
    """Answers requests, one at a time.

    Args:
        store: The event store.
        answers: How a Task is told.
        keys: By which links are signed.
        audience: For whom: the event table's name.
        report: Who is told what became of each.
        now: The clock.
    """

    def __init__(  # noqa: PLR0913  # collaborators by name
        self,
        *,
        store: EventStore,
        answers: Answers,
        keys: Keys,
        audience: str,
        report: Report,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._answers = answers
        self._keys = keys
        self._audience = audience
        self._report = report
        self._now = now

    def respond(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The reply to a request, as API Gateway hands it to a function, and takes it.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
        """
        method = event.get("httpMethod")
        if method not in {"GET", "POST"}:
            return response(405, "", Allow="GET, POST")
        token = (event.get("pathParameters") or {}).get("token") or ""
        link: Link | None = None
        try:
            link = read(str(token), self._keys, self._audience)
            what, reply = self._show(link) if method == "GET" else self._decide(link, event)
        except NotValid as error:
            what, reply = error.reason, _not_valid()
        except Exception:
            self._report(FAILED, link)
            raise
        self._report(what, link)
        return reply

    def _show(self, link: Link) -> tuple[str, dict[str, Any]]:
        if refused := self._refused(link, found := self._find(link)):
            return refused
        assert found.asked is not None  # noqa: S101  # else it was refused
        if found.stored:
            # Whoever opens it once more after a press has died finds no button. That the Task is
            # told what stands changes nothing, and may be what the saga waits for.
            self._tell(found.stored, found.asked)
            return self._stands(link, found.stored)
        return SHOWN, response(200, ask_page(link.word, _question(link, found.asked)))

    def _decide(self, link: Link, event: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        form = _form(event)
        if isinstance(form, int):
            text = "This was not sent by the form of the page. Nothing was changed."
            return "bad", response(form, tell_page("That cannot be read", text))
        if refused := self._refused(link, found := self._find(link)):
            return refused
        asked = found.asked
        assert asked is not None  # noqa: S101  # else it was refused
        commit = commit_of(_answer(link, *form), asked, self._now())
        stored = found.stored or self._store.append(commit)
        self._tell(stored, asked)
        if found.stored is None and stored == commit:
            done = DONE[link.word]
            text = f"{link.saga} {link.id} hears of it now. You can close this page."
            return done, response(200, tell_page(f"{done.capitalize()}", text))
        return self._stands(link, stored)

    def _tell(self, stored: Commit, asked: Asked) -> None:
        tell(stored, asked, answers=self._answers, store=self._store)

    def _refused(self, link: Link, found: _Found) -> tuple[str, dict[str, Any]] | None:
        """Why a link changes nothing, whatever is pressed; None where it may."""
        if self._now().timestamp() >= link.expires:
            text = "The time for an answer is up. Nothing was changed."
            return EXPIRED, response(410, tell_page("This link has expired", text))
        if found.asked is None or found.asked.step != link.step:
            # It was signed, but nobody asks: the log is gone, or was never here.
            return UNKNOWN, _over("Nobody asks this any more.")
        if found.stored is None and found.ended:
            return OVER, _over("What asked has ended meanwhile.")
        return None

    def _stands(self, link: Link, stored: Commit) -> tuple[str, dict[str, Any]]:
        """The page of a question that is decided already."""
        match _decision(stored):
            case None:
                return OVER, _over("It is decided without an answer: its time was up, or it ended.")
            case word, rows:
                done = DONE[word]
                listed = [*rows, ("When", _moment(datetime.fromisoformat(stored.recorded_at)))]
                if word == link.word:
                    page = tell_page(f"Already {done}", "Nothing was changed.", rows=listed)
                    return USED, response(200, page)
                text = f"It was {done} before, and that stays. Nothing was changed."
                title = f"Not {DONE[link.word]}"
                return USED, response(409, tell_page(title, text, rows=listed))

    def _find(self, link: Link) -> _Found:
        commits = list(self._store.read(link.stream, link.slot))
        own = next((commit for commit in commits if commit.slot == link.slot), None)
        asked = next((one for one in questions(commits) if one.slot == link.slot), None)
        run = link.slot.partition("/")[0]
        ended = own is None and has_ended(self._store, link.stream, run)
        return _Found(asked, own, ended)


def _form(event: Mapping[str, Any]) -> tuple[str, str] | int:
    """Who answers and what they say to it; or the status by which a body is refused."""
    headers = {str(k).lower(): v for k, v in (event.get("headers") or {}).items()}
    kind = str(headers.get("content-type") or "").partition(";")[0].strip().lower()
    if kind != FORM:
        return 415
    body = str(event.get("body") or "")
    if len(body) > LONGEST_BODY:
        return 413
    try:
        if event.get("isBase64Encoded"):
            body = base64.b64decode(body, validate=True).decode("ascii")
        fields = parse_qs(body, keep_blank_values=True, max_num_fields=10)
    except (binascii.Error, ValueError):
        return 400
    texts = (fields.get(name, [""])[0] for name in ("by", "note"))
    by, note = (visible(text.replace("\r\n", "\n").replace("\r", "\n")) for text in texts)
    return " ".join(by.split())[:LONGEST_BY], note.strip()[:LONGEST_NOTE]


def _answer(link: Link, by: str, note: str) -> Answer:
    if link.word == "reject":
        return Answer(rejected=True, reason=cut(joined(by, note), ERROR_TEXT_BYTES))
    return Answer(Approved(by=by, note=note).model_dump(mode="json"))


def _decision(stored: Commit) -> tuple[Any, list[tuple[str, str]]] | None:
    """What somebody has decided, and what they said; None where nobody has."""
    if stored.outcome is Outcome.RESULT:
        value = value_of(stored)
        told = value if isinstance(value, dict) else {}
        rows = [("By", str(told.get("by") or "")), ("Note", str(told.get("note") or ""))]
        return "approve", [row for row in rows if row[1]]
    if stored.outcome is Outcome.REJECTED:
        error, message = rejection_of(stored)
        if error == REJECTED:
            return "reject", [("Why", message)] if message else []
    return None


def _question(link: Link, asked: Asked) -> Question:
    shown = asked.told.get("shown") or {}
    return Question(
        saga=link.saga,
        id=link.id,
        step=link.step,
        about=shown.get("about", ""),
        rows=shown.get("rows", ()),
        until=_moment(datetime.fromtimestamp(link.expires, UTC)),
    )


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _not_valid() -> dict[str, Any]:
    """The same whatever is wrong with it: who makes links up learns nothing."""
    text = (
        "It may be incomplete: open it from the message in which you got it. Nothing was changed."
    )
    return response(404, tell_page("This link is not valid", text))


def _over(why: str) -> dict[str, Any]:
    return response(410, tell_page("This is not asked any more", why, "Nothing was changed."))
