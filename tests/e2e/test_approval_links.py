"""Approval links on a deployed stack: keys from Secrets Manager, a REST API, IAM enforced."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

from stepsaga.client import Client
from stepsaga.engines.endings import Ending
from stepsaga.engines.isolated import isolated
from stepsaga.engines.ministack.deployment import Deployed, tools
from stepsaga.engines.ministack.server import MiniStack
from stepsaga.sam.template import SCAFFOLD
from tests.e2e.linked import FILES, RESOURCES
from tests.e2e.projects import Project
from tests.e2e.targets import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

STACK = "trial"
PATIENCE = timedelta(minutes=2)
ENTRY = "stepsaga.runtime.approval_entry.handler"
KILLED = 4
LASTS = 0.15
"""Seconds that a press takes, about."""


@dataclass(frozen=True)
class Linked:
    """The deployed project."""

    server: MiniStack
    deployed: Deployed
    client: Client

    def asked(self, saga_id: str) -> tuple[str, str]:
        """Start a saga; the links that its manager gets by mail, to approve and to reject."""
        self.client.engine.start("Buy", {"price": f"<b>{saga_id}</b> EUR"}, name=saga_id)
        return self.mail(saga_id)

    def mail(self, saga_id: str) -> tuple[str, str]:
        """The links in a saga's message, as soon as it has come."""
        table, mail = self.deployed.resources["Mail"], self.server.client("dynamodb")
        end = time.monotonic() + PATIENCE.total_seconds()
        while time.monotonic() < end:
            found = mail.get_item(TableName=table, Key={"id": {"S": saga_id}}, ConsistentRead=True)
            if item := found.get("Item"):
                return item["approve"]["S"], item["reject"]["S"]
            time.sleep(0.2)
        raise AssertionError([one.events for one in self.client.store.read(f"Buy#{saga_id}")])

    def outcomes(self, saga_id: str) -> list[str]:
        """What the log of a saga says that has come to its step's slot so far."""
        commits = self.client.store.read(f"Buy#{saga_id}")
        return [one.outcome.value for one in commits if one.slot.endswith("/00001")]

    def end(self, saga_id: str) -> Ending:
        """How a saga ends."""
        return self.client.wait("Buy", saga_id, timeout=PATIENCE).ending


def ask(url: str, form: dict[str, str] | None = None, method: str = "") -> tuple[int, str]:
    """Open an address, or send its form: what a browser gets."""
    body = urllib.parse.urlencode(form).encode() if form is not None else None
    asked = urllib.request.Request(url, data=body, method=method or None)  # noqa: S310  # http
    try:
        with urllib.request.urlopen(asked, timeout=60) as reply:  # noqa: S310  # http
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Linked]:
    """The project, on a stack of its own."""
    root = tmp_path_factory.mktemp("linked") / "project"
    python, _ = tools(ROOT)
    with MiniStack(python) as server, isolated(server.settings()):
        files = {**FILES, "template.yaml": SCAFFOLD + RESOURCES}
        deployed = Project.made(root, server, files).release(1)
        yield Linked(server, deployed, Client.of_stack(STACK))


def test_a_link_shows_and_its_button_decides(linked: Linked) -> None:
    """Opened any number of times nothing changes; pressed once the saga goes on, and only once."""
    approve, reject = linked.asked("one")
    opened = [ask(approve) for _ in range(3)]
    assert [status for status, _ in opened] == [200] * 3
    assert linked.outcomes("one") == []
    page = opened[0][1]
    assert "Price in all" in page
    assert "&lt;b&gt;one&lt;/b&gt; EUR" in page
    assert "DE0212" not in page
    assert ask(approve, method="OPTIONS")[0] in {200, 403, 404, 405}
    assert linked.outcomes("one") == []
    assert ask(approve, {"by": "ann"})[0] == 200
    assert linked.end("one") is Ending.COMPLETED
    assert "Already approved" in ask(approve, {"by": "bob"})[1]
    assert ask(reject, {"by": "bob"})[0] == 409
    assert linked.outcomes("one") == ["result"]


def test_what_is_no_link_changes_nothing(linked: Linked) -> None:
    """Of a link that somebody has changed the API says that it is none."""
    approve, reject = linked.asked("two")
    forged = approve[:-1] + ("A" if approve[-1] != "A" else "E")
    swapped = approve.rpartition(".")[0] + "." + reject.rpartition(".")[2]
    for url in (forged, swapped, approve + "A", approve.rpartition("/")[0] + "/x"):
        assert ask(url, {"by": "eve"})[0] == 404
    assert linked.outcomes("two") == []
    assert ask(reject, {"by": "ann", "note": "too dear"})[0] == 200
    assert linked.end("two") is Ending.COMPENSATED


def test_keys_are_turned_over(linked: Linked) -> None:
    """A new key signs from now on, and what the one before has signed is good until it is gone."""
    before = linked.asked("old")[0]
    secrets = linked.server.client("secretsmanager")
    secret = linked.deployed.resources["ApprovalLinkKeys"]
    held = json.loads(secrets.get_secret_value(SecretId=secret)["SecretString"])
    held |= {"2": "k" * 48, "current": "2"}
    secrets.put_secret_value(SecretId=secret, SecretString=json.dumps(held))
    kill(linked.server, "")  # whoever has kept the keys would use the first for some minutes
    after = linked.asked("new")[0]
    assert [url.rpartition("/")[2].split(".")[1] for url in (before, after)] == ["1", "2"]
    assert [ask(url, {})[0] for url in (before, after)] == [200, 200]
    assert [linked.end(name) for name in ("old", "new")] == [Ending.COMPLETED] * 2


def test_killed_at_any_moment_nothing_is_lost(linked: Linked) -> None:
    """Its process is killed while it works at a press; who presses again has decided, once."""
    names = [f"killed-{number}" for number in range(KILLED)]
    with ThreadPoolExecutor(4) as pool:
        links = dict(zip(names, pool.map(linked.asked, names), strict=True))
    killed: list[int] = []
    random = Random(6)  # noqa: S311  # when, is no secret

    def press(name: str) -> int:
        with suppress(OSError):
            return ask(links[name][0], {"by": name})[0]
        return 0

    with ThreadPoolExecutor(1) as pool:
        for name in names:
            assert ask(links[name][0])[0] == 200  # its process is there
            pressed = pool.submit(press, name)
            time.sleep(random.uniform(0, LASTS))
            killed += kill(linked.server, ENTRY)
            pressed.result()
            end = time.monotonic() + PATIENCE.total_seconds()
            while press(name) != 200:
                assert time.monotonic() < end, f"{name} is never answered"
    assert len(killed) >= KILLED // 2
    assert [linked.end(name) for name in names] == [Ending.COMPLETED] * KILLED
    assert [linked.outcomes(name) for name in names] == [["result"]] * KILLED


def kill(server: MiniStack, entry: str) -> list[int]:
    """Kill the functions' processes on a stack, those with this entry point; which those were."""
    ps = shutil.which("ps") or "ps"
    listed = subprocess.run(  # noqa: S603  # the system's own
        [ps, "-A", "-ww", "-o", "pid=,pgid=,args="], capture_output=True, text=True, check=True
    ).stdout
    found = []
    for line in listed.splitlines():
        pid, group, words = line.split(None, 2)
        if int(group) == server.pid and "awslambdaric" in words and entry in words:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
                found.append(int(pid))
    return found
