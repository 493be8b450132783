"""Requests as API Gateway hands them over: bad and hostile ones, and what cannot be replied to."""

from __future__ import annotations

import base64
import io
import json
import re
from urllib.parse import quote, urlencode

import pytest

from stepsaga.engines.endings import Ending
from stepsaga.errors import StoreUnreachable
from stepsaga.runtime.approval_entry import PowertoolsReport, metric, reply_to, unavailable
from stepsaga.runtime.approval_keys import FixedKeys, process_keys
from stepsaga.runtime.approval_page import HEADERS
from stepsaga.runtime.approval_requests import LONGEST_BODY
from stepsaga.runtime.approval_tokens import Link, sign
from tests.links.shop import Buy
from tests.links.world import Shop, request

EVIL = "<script>alert(1)</script>\"'&"


def asked(**purchase: object) -> Shop:
    """A shop with a question that waits."""
    shop = Shop(Buy)
    shop.ask(**purchase)
    return shop


def test_the_page_says_what_is_approved() -> None:
    """Price and lines with their titles, saga and end; nothing sensitive, or for developers."""
    shop = asked(iban="DE0212", lines=[{"sku": "tea", "count": 2}, {"sku": "rice"}], express=True)
    status, page = shop.open(shop.link())
    assert status == 200
    rows = dict(re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td>', page))
    assert rows == {
        "Price in all": "1,200.00 EUR",
        "Ordered By": "ann",
        "Iban": "***",
        "Express": "yes",
        "Lines / 1 / Sku": "tea",
        "Lines / 1 / Count": "2",
        "Lines / 2 / Sku": "rice",
        "Lines / 2 / Count": "1",
        "Saga": "Buy one",
    }
    assert "A purchase needs a manager&#x27;s word." in page
    assert "developers" not in page
    assert "DE0212" not in repr(shop.commits[-1])
    assert "Approve review of Buy?" in page
    assert "2026-01-02" in page


def test_what_is_in_a_saga_is_text() -> None:
    """Markup in data is shown as it was written, in the page and in what it says afterwards."""
    shop = asked(price=EVIL)
    pages = [shop.open(shop.link())[1], shop.press(shop.link(), by=EVIL, note=EVIL)[1]]
    pages += [shop.press(shop.link())[1], shop.press(shop.link("reject"))[1]]
    assert all("<script" not in page for page in pages)
    assert "&lt;script&gt;alert(1)" in pages[0]
    assert "&lt;script&gt;alert(1)" in pages[2]


def test_no_page_has_the_link_in_it() -> None:
    """Whoever is shown a page, or saves it, is not given the right to answer."""
    shop = asked()
    token = shop.link()
    assert all(token not in page for _, page in [shop.open(token), shop.press(token)])


def test_every_reply_is_closed() -> None:
    """No script, style, frame, cache, search engine or other site has a part in any page."""
    shop = asked()
    events = [
        request("GET", shop.link()),
        request("GET", "x"),
        request("POST", shop.link(), "by=ann"),
        request("PUT", shop.link()),
    ]
    for reply in [*map(shop.requests.respond, events), unavailable()]:
        assert reply["headers"].items() >= HEADERS.items()
        assert "script" not in reply["body"]
        assert "http" not in reply["body"]
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"headers": None}, 415),
        ({"headers": {"Content-Type": "application/json"}}, 415),
        ({"headers": {"content-type": "multipart/form-data"}}, 415),
        ({"body": "a" * (LONGEST_BODY + 1)}, 413),
        ({"body": "!", "isBase64Encoded": True}, 400),
        ({"body": base64.b64encode(b"\xff").decode(), "isBase64Encoded": True}, 400),
        ({"body": "&".join(f"a{n}=1" for n in range(20))}, 400),
    ],
)
def test_what_no_form_sends_changes_nothing(change: dict[str, object], status: int) -> None:
    """A body that the page's form would not send is refused; the link is as good as before."""
    shop = asked()
    assert shop.send(request("POST", shop.link(), "by=ann") | change)[0] == status
    assert shop.press(shop.link())[0] == 200
    assert shop.reports == ["bad", "approved"]


@pytest.mark.parametrize(
    "body",
    [
        *("", "by=", "by=%ff%fe&note=%00", "by=a&by=b", "=&=", "answer=reject&word=reject"),
        *("by=" + quote("\u202eeve\x1b[2J\r\n"), urlencode({"note": "é" * 1_000})),
    ],
)
def test_whatever_a_form_says_a_link_gives_its_own_answer(body: str) -> None:
    """Fields say who and why, never what: and nothing in them is invisible, or too long."""
    shop = asked()
    raw = {"body": base64.b64encode(body.encode()).decode(), "isBase64Encoded": True}
    assert shop.send(request("POST", shop.link(), body or "x") | raw)[0] == 200
    assert shop.reports == ["approved"]
    value = next(c for c in shop.commits if c.slot.endswith("/00002")).events[-1].data["value"]
    said = value["by"] + value["note"]
    assert len(said) <= 1_100
    assert all(letter.isprintable() for letter in said)


@pytest.mark.parametrize("where", [None, {}, {"token": None}, {"token": ""}, {"other": "x"}])
def test_no_token_is_no_link(where: dict[str, object] | None) -> None:
    """A path without one is as one that is forged."""
    shop = Shop(Buy)
    reply = shop.requests.respond(request("POST", "x", "by=") | {"pathParameters": where})
    assert (reply["statusCode"], shop.reports) == (404, ["forged"])


def test_links_of_others() -> None:
    """Forged, of another stack, of a log that is gone: nothing is changed, and each is counted."""
    shop = asked()
    link = Link(saga="Buy", id="one", slot="x", step="review", word="approve", expires=2**40)
    made = {
        "forged": sign(link, FixedKeys({"process": b"k" * 32}), ""),
        "foreign": sign(link, process_keys(), "another"),
        "unknown": sign(link, process_keys(), ""),
    }
    before = shop.commits
    pages = {reason: (shop.open(token), shop.press(token)) for reason, token in made.items()}
    assert shop.commits == before
    assert shop.reports == [reason for reason in made for _ in range(2)]
    assert pages["forged"] == pages["foreign"]
    assert {status for status, _ in pages["forged"]} == {404}
    assert {status for status, _ in pages["unknown"]} == {410}


class Unreachable:
    """A store, or keys, that nobody can reach."""

    def __getattr__(self, name: str) -> object:
        raise StoreUnreachable("no way")


def test_what_cannot_be_reached_is_told() -> None:
    """Where store or keys are out of reach the page says to try again, and it is counted."""
    shop = asked()
    requests = shop.requests_by(store=Unreachable())
    for method in ("GET", "POST"):
        reply = reply_to(request(method, shop.link(), "by="), lambda: requests)
        assert reply["statusCode"] == 503
        assert "Nothing is lost" in reply["body"]
    assert shop.reports == ["failed", "failed"]


def test_each_request_is_counted_and_logged_without_its_link(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A count by what became of it, on which an alarm can stand, and a line with ids alone."""
    stream = io.StringIO()
    report = PowertoolsReport("shop", stream=stream)
    link = Link(saga="Buy", id="one", slot="x", step="review", word="approve", expires=9)
    report("forged", None)
    report("approved", link)
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["ApprovalLinksForged"] for one in counted[:1]] == [[1.0]]
    dimensions = counted[0]["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0]
    assert sorted(dimensions) == ["Stack", "service"]
    assert counted[0]["Stack"] == "shop"
    assert metric("approved") in counted[1]
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(one["level"], one["what"]) for one in lines] == [
        ("WARNING", "forged"),
        ("INFO", "approved"),
    ]
    assert lines[1]["saga_id"] == "one"


def test_a_handler_that_fails_does_not_tell_its_links() -> None:
    """An error's text can quote a link: what is recorded and raised of it does not."""
    shop = Shop(Buy)
    shop.mail.fails = 9
    assert shop.end() is Ending.COMPENSATED
    history = repr(shop.engine.history(shop.view.arn))
    assert "no mail server took" in history
    assert "1.process." not in history + repr(shop.view) + repr(shop.commits)
