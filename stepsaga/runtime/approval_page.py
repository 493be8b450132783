"""The pages behind approval links: HTML without scripts, and nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stepsaga.runtime.approval_tokens import Word

LONGEST_BY: Final = 100
LONGEST_NOTE: Final = 1_000
"""Characters of what somebody says to an answer."""

_STYLE: Final = """\
:root{color-scheme:light dark}
body{font:1rem/1.5 system-ui,sans-serif;max-width:38rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem}
table{border-collapse:collapse;width:100%;margin:1rem 0}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #8886}
th{font-weight:600;width:35%}
td{overflow-wrap:anywhere;white-space:pre-wrap}
label{display:block;margin:.6rem 0}
input,textarea{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.3rem}
button{font:inherit;font-weight:600;padding:.5rem 1.5rem;margin-top:.6rem}
"""
_STYLE_DIGEST: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Strict-Transport-Security": "max-age=31536000",
}
"""The address of a page is a right to answer: no cache, frame, search engine or other site gets it.
https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Content-Security-Policy"""
DONE: Final[Mapping[Word, str]] = {"approve": "approved", "reject": "rejected"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a page says of a question; texts as they are.

    Attributes:
        saga, id, step: What asks.
        about: What it is about, in a line; empty where nobody says.
        rows: Labels and values.
        until: When it ends, for people.
    """

    saga: str
    id: str
    step: str
    about: str
    rows: Sequence[Sequence[str]]
    until: str


def ask(word: Word, question: Question) -> str:
    """The page that asks for one answer. Its form has no address: it goes where it is from."""
    title = f"{word.capitalize()} {question.step} of {question.saga}?"
    reason = "Why" if word == "reject" else "Note"
    return _page(
        title,
        f"<p>{escape(question.about)}</p>" if question.about else "",
        _table([*question.rows, ("Saga", f"{question.saga} {question.id}")]),
        f"<p>This link can be used once, until {escape(question.until)}.</p>",
        '<form method="post">',
        f'<label>Your name (optional)<input name="by" maxlength="{LONGEST_BY}"'
        ' autocomplete="name"></label>',
        f'<label>{reason} (optional)<textarea name="note" rows="3" maxlength="{LONGEST_NOTE}">'
        "</textarea></label>",
        f'<button type="submit">{word.capitalize()}</button>',
        "</form>",
    )


def tell(title: str, *sentences: str, rows: Iterable[Sequence[str]] = ()) -> str:
    """A page that says something; texts as they are."""
    listed = list(rows)
    texts = [f"<p>{escape(sentence)}</p>" for sentence in sentences if sentence]
    return _page(title, *texts, _table(listed) if listed else "")


def response(status: int, body: str, **headers: str) -> dict[str, Any]:
    """A reply of a Lambda proxy integration.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """
    return {
        "statusCode": status,
        "headers": {**HEADERS, **headers},
        "body": body,
        "isBase64Encoded": False,
    }


def _page(title: str, *parts: str) -> str:
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            '<head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style></head>",
            f"<body><main><h1>{escape(title)}</h1>",
            *filter(None, parts),
            "</main></body></html>",
            "",
        ]
    )


def _table(rows: Iterable[Sequence[str]]) -> str:
    lines = [
        f'<tr><th scope="row">{escape(label)}</th><td>{escape(value)}</td></tr>'
        for label, value in rows
    ]
    return "\n".join(["<table>", *lines, "</table>"])
