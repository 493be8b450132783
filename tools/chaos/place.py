"""Where chaos happens: a deployed stack, and the processes of its functions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from stepsaga.engines.ministack.local_faults import CALLS, STRUCK
from stepsaga.errors import EngineThrottled, EngineUnreachable, StoreThrottled, StoreUnreachable
from tools import transfers
from tools.chaos.plan import ACCOUNTS, CARDS, STOCK
from tools.local import Tables
from tools.tables import put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from random import Random

    from stepsaga.engines.ministack.deployment import Deployed
    from tools.chaos.plan import Plan

WORKER: Final = "awslambdaric"
"""What a function's process has in its command line, and no other of MiniStack's."""
INIT_SECONDS: Final = 60
"""A process that is in no call of a participant's is killed when it has been there for so long: it
may be Recovery's. One that ends before it listens MiniStack tells as ``Runtime.Unknown``, to all
who wait for it; Lambda as ``Runtime.ExitError``, as any other."""
TRIES: Final = 8
BUSY: Final = (EngineThrottled, EngineUnreachable, StoreThrottled, StoreUnreachable)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """A deployed stack on this machine.

    Attributes:
        deployed: What there is.
        client_of: Makes a boto3 client with all rights.
        faults: The file that says what goes wrong inside functions.
        group: The process group of MiniStack, and of its functions.
    """

    deployed: Deployed
    client_of: Callable[..., Any]
    faults: Path
    group: int

    @property
    def tables(self) -> Tables:
        """The tables of FulfilOrder's participants."""
        names = ("StockTable", "AccountsTable", "ParcelsTable", "OutboxTable")
        return Tables(*(self.deployed.resources[name] for name in names))

    @property
    def transfers(self) -> str:
        """The table of TransferMoney's participant."""
        return self.deployed.resources["TransfersTable"]

    def fill(self) -> None:
        """Put in what only chaos uses; whose stack it is has put in the merchant."""
        dynamodb = self.client_of("dynamodb")
        put(dynamodb, self.tables.stock, "on_hand", {f"article#{k}": n for k, n in STOCK.items()})
        put(dynamodb, self.tables.accounts, "balance", {f"card#{k}": n for k, n in CARDS.items()})
        transfers.fill(dynamodb, self.transfers, ACCOUNTS)

    def go_wrong(self, plans: Iterable[Plan]) -> None:
        """Let functions go wrong as planned."""
        self._write({plan.id: plan.faults for plan in plans})

    def mend(self, saga_id: str) -> None:
        """Let nothing of a saga go wrong any more."""
        known = json.loads(self.faults.read_text(encoding="utf-8"))
        known.pop(saga_id, None)
        self._write(known)

    def _write(self, faults: Mapping[str, Any]) -> None:
        draft = self.faults.with_suffix(".new")
        draft.write_text(json.dumps(faults), encoding="utf-8")
        draft.replace(self.faults)  # at once: functions read it at any time

    def struck(self, plans: Iterable[Plan]) -> Counter[str]:
        """How often each kind of fault has struck these sagas."""
        told = self.faults.with_name(self.faults.name + STRUCK)
        lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
        ids = {plan.id for plan in plans}
        rows = (line.split("\t") for line in lines)
        return Counter(kind for saga_id, _, kind in rows if saga_id in ids)

    def sweep(self) -> None:
        """Have Recovery look for what nobody told it, as its schedule does on AWS."""
        reply = self.client_of("lambda").invoke(
            FunctionName=self.deployed.resources["Recovery"], Payload=b'{"do": "sweep"}'
        )
        reply["Payload"].read()  # one that was killed is no harm: the next one does its work

    def calling(self) -> set[int]:
        """The processes in which a participant's call is under way, and some that were killed."""
        calls = self.faults.with_name(self.faults.name + CALLS)
        return {int(one.name) for one in calls.iterdir()} if calls.exists() else set()

    def processes(self) -> list[tuple[int, int, bool]]:
        """The processes of this MiniStack: id, resident KiB, and whether it is a function's."""
        listed = subprocess.run(
            ["ps", "-A", "-ww", "-o", "pid=,pgid=,rss=,args="],  # noqa: S607  # the system's own
            capture_output=True,
            text=True,
            check=True,
        )
        rows = (line.split(maxsplit=3) for line in listed.stdout.splitlines())
        return [
            (int(row[0]), int(row[2]), WORKER in row[-1])
            for row in rows
            if int(row[1]) == self.group
        ]


class Killer(threading.Thread):
    """Kills a random process of the functions every now and then; a context manager.

    Args:
        place: Where.
        random: Which.
        every: Seconds between two, on average; 0 for none, and then it only weighs.
    """

    def __init__(self, place: Place, random: Random, every: float) -> None:
        super().__init__(daemon=True)
        self._place = place
        self._random = random
        self._every = every
        self._over = threading.Event()
        self._seen: dict[int, float] = {}
        self.killed = 0
        self.peak_kib = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        """Kill until it is over."""
        while not self._over.wait(self._random.uniform(0, 2 * self._every) or 1):
            processes = self._place.processes()
            self.peak_kib = max(self.peak_kib, sum(kib for _, kib, _ in processes))
            workers = [pid for pid, _, is_worker in processes if is_worker]
            if self._every and (ready := self._ready(workers)):
                # It may have ended by itself since it was listed.
                with suppress(ProcessLookupError):
                    os.kill(self._random.choice(ready), signal.SIGKILL)
                    self.killed += 1

    def _ready(self, workers: Iterable[int]) -> list[int]:
        now = time.monotonic()
        self._seen = {pid: self._seen.get(pid, now) for pid in workers}
        calling = self._place.calling()
        return [
            pid for pid, since in self._seen.items() if pid in calling or now - since > INIT_SECONDS
        ]


def patiently(call: Callable[[], T]) -> T:
    """What a call returns, however busy the emulator is.

    Raises:
        StepsagaError: What the call raises, where that is not for being busy, or stays so.
    """
    for attempt in range(TRIES):
        try:
            return call()
        except BUSY:
            time.sleep(min(0.5 * 2**attempt, 8))
    return call()
