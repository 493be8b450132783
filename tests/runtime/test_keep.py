"""What puts a release's graphs into the event table, and what CloudFormation is told of it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.errors import StoreUnreachable, TableMissing
from stepsaga.runtime.keep import FILE, ID, answer, send
from stepsaga.store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from stepsaga.store.protocol import EventStore

GRAPHS = {"aa": {"name": "Trade", "nodes": []}, "bb": {"name": "Report", "nodes": [1]}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The function's folder, as it is built."""
    (tmp_path / FILE).write_text(json.dumps(GRAPHS))
    return tmp_path


def request(kind: str, *fingerprints: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html."""
    return {
        "RequestType": kind,
        "StackId": "arn:stack",
        "RequestId": "r-1",
        "LogicalResourceId": "KeptDefinitions",
        "ResponseURL": "https://bucket/key?Signature=secret",
        "ResourceProperties": {"ServiceToken": "arn:keep", "Fingerprints": list(fingerprints)},
    }


class Broken(MemoryStore):
    """A store that cannot."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def put_definition(self, fingerprint: str, definition: Mapping[str, Any]) -> None:
        """Raise."""
        del fingerprint, definition
        raise self.error


def reason(folder: Path, store: EventStore, *fingerprints: str) -> str:
    """Why a creation fails."""
    reply = answer(request("Create", *fingerprints), folder, lambda: store, sleep=lambda _: None)
    assert reply["Status"] == "FAILED"
    assert len(json.dumps(reply).encode()) <= 4096
    assert "secret" not in json.dumps(reply)
    return str(reply["Reason"])


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_the_release_s_graphs_are_kept(folder: Path, kind: str) -> None:
    """A creation and an update put each graph that the template names (rule 9)."""
    store = MemoryStore()
    assert answer(request(kind, "aa"), folder, lambda: store, sleep=lambda _: None) == {
        "StackId": "arn:stack",
        "RequestId": "r-1",
        "LogicalResourceId": "KeptDefinitions",
        "PhysicalResourceId": ID,
        "Status": "SUCCESS",
    }
    assert store.get_definition("aa") == GRAPHS["aa"]
    assert store.get_definition("bb") is None


def test_again_is_the_same(folder: Path) -> None:
    """CloudFormation and Lambda may call again: nothing changes by that."""
    store = MemoryStore()
    first = answer(request("Create", "aa", "bb"), folder, lambda: store, sleep=lambda _: None)
    assert (
        answer(request("Create", "aa", "bb"), folder, lambda: store, sleep=lambda _: None) == first
    )
    assert store.get_definition("bb") == GRAPHS["bb"]


def test_deleting_takes_nothing_away(folder: Path) -> None:
    """Graphs are kept for ever; what goes needs no table and no file."""

    def never() -> EventStore:
        raise AssertionError("a store was made")

    (folder / FILE).unlink()
    assert answer(request("Delete", "aa"), folder, never)["Status"] == "SUCCESS"


def test_a_release_that_is_rolled_back(folder: Path) -> None:
    """The release before, of which the new build has no graph, is in the table already."""
    store = MemoryStore()
    store.put_definition("old", {"name": "Trade"})
    assert (
        answer(request("Update", "old"), folder, lambda: store, sleep=lambda _: None)["Status"]
        == "SUCCESS"
    )


def test_a_graph_that_is_nowhere(folder: Path) -> None:
    """Template and build of two releases are refused, with what to run."""
    said = reason(folder, MemoryStore(), "aa", "cc")
    assert "lacks the graph cc" in said
    assert "`stepsaga template`, then `sam build`" in said


@pytest.mark.parametrize("content", [None, "{"])
def test_a_file_that_is_not_as_it_was_built(folder: Path, content: str | None) -> None:
    """Whatever goes wrong is answered: CloudFormation would wait an hour otherwise."""
    (folder / FILE).unlink()
    if content:
        (folder / FILE).write_text(content)
    assert reason(folder, MemoryStore(), "aa")


@pytest.mark.parametrize(
    "error",
    [
        TableMissing("there is no table shop-events"),
        StoreUnreachable("AccessDenied: not authorized"),
        RuntimeError("ü" * 5000),
        RuntimeError("\x00\n\x1b" * 5000),
        RuntimeError("\U0001f600" * 5000),
    ],
)
def test_a_store_that_cannot(folder: Path, error: Exception) -> None:
    """The reason is told in one line that fits CloudFormation's answer of 4 KiB."""
    said = reason(folder, Broken(error), "aa")
    assert said.startswith((type(error).__name__, "stepsaga.errors."))
    assert said.isprintable()


def test_a_store_that_cannot_be_made(folder: Path) -> None:
    """Without a client there is an answer all the same."""

    def broken() -> EventStore:
        raise KeyError("STEPSAGA_EVENT_TABLE")

    reply = answer(request("Create", "aa"), folder, broken)
    assert (reply["Status"], reply["Reason"]) == ("FAILED", "KeyError: 'STEPSAGA_EVENT_TABLE'")


@contextmanager
def bucket(status: int) -> Iterator[tuple[str, list[Any]]]:
    """An address that takes one answer, or does not; what it was given."""
    given: list[Any] = []

    class Taker(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            given.append((self.path, self.headers["Content-Type"], json.loads(body)))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            del arguments

    with HTTPServer(("127.0.0.1", 0), Taker) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/key?Signature=s", given
        finally:
            server.shutdown()
            thread.join()


def test_the_answer_is_put() -> None:
    """It goes to the signed address as it is, without a content type, which is not signed."""
    with bucket(200) as (url, given):
        send(url, {"Status": "SUCCESS"})
    assert given == [("/key?Signature=s", "", {"Status": "SUCCESS"})]


def test_an_answer_that_is_not_taken() -> None:
    """It raises, so that Lambda calls again."""
    with bucket(403) as (url, _), pytest.raises(OSError, match="403"):
        send(url, {"Status": "SUCCESS"})


class New(MemoryStore):
    """A store whose rights are known after so many calls."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.calls = calls

    def put_definition(self, fingerprint: str, definition: Mapping[str, Any]) -> None:
        """Be refused at first."""
        if self.calls:
            self.calls -= 1
            raise StoreUnreachable("AWS refuses these credentials")
        super().put_definition(fingerprint, definition)


def test_rights_that_are_new(folder: Path) -> None:
    """A role that is not known everywhere yet is given half a minute, in growing pauses."""
    pauses: list[float] = []
    store = New(3)
    reply = answer(request("Create", "aa"), folder, lambda: store, sleep=pauses.append)
    assert (reply["Status"], pauses) == ("SUCCESS", [2, 4, 8])
    assert store.get_definition("aa") == GRAPHS["aa"]
