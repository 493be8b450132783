"""The pages behind approval links in a real browser, with and without scripts."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest

from stepsaga.engines.endings import Ending
from tests.absent import absent
from tests.links.shop import Buy
from tests.links.world import Shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
SCRIPT: Final = "document.title='caught'"
EVIL: Final = f'<script>{SCRIPT}</script><img src=x onerror="{SCRIPT}">'
MILLISECONDS: Final = 20_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's chromium, driven by Playwright's core."""
    if CHROMIUM is None:
        absent("a browser", "chromium is not installed: apt-get install chromium")
    try:
        playwright: Any = import_module("playwright.sync_api")
    except ImportError:
        absent("a browser", "Playwright is not installed: make browser")
    with playwright.sync_playwright() as driver:
        # As root, which containers run as, chromium has no sandbox of its own.
        options = {"executable_path": CHROMIUM, "args": ["--no-sandbox", "--disable-gpu"]}
        opened = driver.chromium.launch(**options)
        yield opened
        opened.close()


@contextmanager
def served(shop: Shop) -> Iterator[str]:
    """The function behind a server on this machine, which does as API Gateway does."""
    one_at_a_time = Lock()

    class Gateway(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            event = {
                "httpMethod": self.command,
                "headers": dict(self.headers),
                "pathParameters": {"token": urlsplit(self.path).path.rpartition("/")[2]},
                "body": body or None,
                "isBase64Encoded": False,
            }
            with one_at_a_time:
                reply = shop.requests.respond(event)
            self.send_response(reply["statusCode"])
            for name, value in reply["headers"].items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply["body"].encode())

        do_GET = _reply  # noqa: N815  # as the server calls it
        do_POST = _reply  # noqa: N815  # as above

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/approvals"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def page(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page of a new window, and what its console says."""
    context = browser.new_context(java_script_enabled=request.param)
    context.set_default_timeout(MILLISECONDS)
    opened = context.new_page()
    yield opened
    context.close()


def heading(page: Any) -> str:
    """What a page says first."""
    return str(page.locator("h1").inner_text())


def test_a_manager_approves(page: Any) -> None:
    """A link opens a page that says what is approved; its button approves, once, and for good."""
    shop = Shop(Buy)
    shop.ask(price=EVIL, iban="DE0212")
    loaded: list[str] = []
    page.on("request", lambda one: loaded.append(one.url))
    with served(shop) as url:
        approve, reject = f"{url}/{shop.link()}", f"{url}/{shop.link('reject')}"
        page.goto(approve)
        assert heading(page) == "Approve review of Buy?"
        assert page.get_by_role("row", name="Price in all").locator("td").inner_text() == EVIL
        assert page.title() == "Approve review of Buy?"
        assert page.locator("main script, main img").count() == 0
        assert "DE0212" not in page.content()
        # The style that the policy names is the one that is there.
        assert page.locator("th").first.evaluate("e => getComputedStyle(e).fontWeight") == "600"
        assert shop.reports == ["shown"]
        page.get_by_label("Your name").fill("ann")
        page.get_by_label("Note").fill("fine\n" + EVIL)
        page.get_by_role("button", name="Approve").click()
        page.wait_for_load_state()
        assert heading(page) == "Approved"
        page.goto(approve)
        assert heading(page) == "Already approved"
        assert EVIL in page.get_by_role("row", name="Note").locator("td").inner_text()
        assert page.get_by_role("button").count() == 0
        page.goto(reject)
        assert heading(page) == "Not rejected"
        assert page.title() == "Not rejected"
    assert shop.ending() is Ending.COMPLETED
    assert {urlsplit(one).path.rpartition("/")[2] for one in loaded} <= {
        *(shop.link(), shop.link("reject"), "favicon.ico")
    }


def test_two_windows(browser: Any) -> None:
    """Both buttons are on a screen: who presses second is told who was first."""
    shop = Shop(Buy)
    shop.ask()
    with served(shop) as url:
        contexts = [browser.new_context() for _ in range(2)]
        pages = [context.new_page() for context in contexts]
        for page, word in zip(pages, ("reject", "approve"), strict=True):
            page.goto(f"{url}/{shop.link(word)}")
        for page, name in zip(pages, ("Reject", "Approve"), strict=True):
            page.get_by_label("Your name").fill(f"who {name}s")
            page.get_by_role("button", name=name).click()
            page.wait_for_load_state()
        assert [heading(page) for page in pages] == ["Rejected", "Not approved"]
        assert "who Rejects" in pages[1].content()
        for context in contexts:
            context.close()
    assert shop.ending() is Ending.COMPENSATED


@pytest.mark.parametrize("forge", [lambda token: token[:-2], lambda token: token + "x"])
def test_a_link_that_was_cut(page: Any, forge: Callable[[str], str]) -> None:
    """What is no link says so, and offers nothing to press."""
    shop = Shop(Buy)
    shop.ask()
    with served(shop) as url:
        reply = page.goto(f"{url}/{forge(shop.link())}")
        assert (reply.status, heading(page)) == (404, "This link is not valid")
        assert page.get_by_role("button").count() == 0
    assert shop.reports[0] == "forged"


def test_a_page_that_was_open_for_too_long(browser: Any) -> None:
    """A button that is pressed when the time is up does nothing, and says so."""
    shop = Shop(Buy)
    shop.ask()
    with served(shop) as url:
        page = browser.new_page()
        page.goto(f"{url}/{shop.link()}")
        assert shop.ending() is Ending.COMPENSATED
        page.get_by_role("button", name="Approve").click()
        page.wait_for_load_state()
        assert heading(page) == "This link has expired"
        page.close()


def test_no_other_site_frames_it(browser: Any) -> None:
    """A page of somebody else's, that shows the button below something harmless, shows nothing."""
    shop = Shop(Buy)
    shop.ask()
    with served(shop) as url:
        page = browser.new_page()
        page.set_content(f'<iframe src="{url}/{shop.link()}"></iframe>')
        page.wait_for_timeout(300)
        assert page.frames[1].get_by_role("button").count() == 0
        page.close()
