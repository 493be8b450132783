"""MiniStack as a process: on 127.0.0.1, on a free port, ended with whoever started it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from stepsaga.engines import isolated
from stepsaga.engines.isolated import REGION
from stepsaga.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

HOST: Final = "127.0.0.1"
ACCOUNT: Final = "000000000000"
PROFILE: Final = "stepsaga-local"
KEY: Final = "test"
"""The access key of MiniStack's root user, and its secret."""
START_SECONDS: Final = 120.0
"""One that ends is seen at once; this is for one that hangs, on however busy a machine."""
NEEDED_BYTES: Final = 500 * 1024 * 1024
"""Of free disk: layers, packages and tables."""
_KEEPER: Final = Path(__file__).with_name("keeper.py")
_TRIES: Final = 3


class MiniStack:
    """A running MiniStack. A context manager: outside of it there is no process of it.

    Args:
        python: The interpreter of its environment.
        port: The port; 0 takes a free one.
        enforce: Whether IAM is enforced: then functions have the rights of their roles only.
        wait_scale: By what waits and the pauses of retries are multiplied; 0 skips them.
        environment: Further variables, which its functions see too.
        room: The bytes of free disk that it must have.
    """

    def __init__(  # noqa: PLR0913  # all but the interpreter are options by name
        self,
        python: Path,
        *,
        port: int = 0,
        enforce: bool = True,
        wait_scale: float = 1,
        environment: Mapping[str, str] | None = None,
        room: int = NEEDED_BYTES,
    ) -> None:
        self._python = python
        self._wanted = port
        self._enforce = enforce
        self._wait_scale = wait_scale
        self._environment = dict(environment or {})
        self._room = room
        self._keeper: subprocess.Popen[bytes] | None = None
        self.folder = Path()
        self.url = ""

    def __enter__(self) -> Self:
        if not self._python.exists():
            raise EngineError(f"there is no {self._python}: `make stack` sets MiniStack up")
        self.folder = Path(tempfile.mkdtemp(prefix="stepsaga-"))
        try:
            self._check_room()
            for attempt in range(1, _TRIES + 1):
                if self._start(last=attempt == _TRIES):
                    return self
        except BaseException:
            self.close()
            raise
        raise AssertionError  # the last try starts, or raises

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it, with all its functions, and remove what it kept on disk."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            if keeper.stdin is not None:
                with suppress(OSError):
                    keeper.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                keeper.wait(10)
            # Also where the keeper is gone: its children may not be.
            with suppress(ProcessLookupError):
                os.killpg(keeper.pid, signal.SIGKILL)
            keeper.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """The process group in which it runs, its functions too."""
        return self._keeper.pid if self._keeper else 0

    def check(self) -> None:
        """See whether it is alive.

        Raises:
            EngineError: It has ended; with the last lines of its log.
        """
        # The keeper takes a moment to see it; the port is closed at once.
        gone = self._keeper is None or self._keeper.poll() is not None
        if gone or not _taken(int(self.url.rpartition(":")[2])):
            raise EngineError(f"MiniStack is not running any more. {self.log_end()}")

    def environment(self) -> dict[str, str]:
        """What makes the AWS tools of a child process find this stack, and nothing else."""
        return isolated.environment(self.settings())

    def settings(self) -> dict[str, str]:
        """The variables that lead to this stack; for `stepsaga.engines.isolated.isolated`."""
        return isolated.settings(self.url, KEY, config=str(self.folder / "aws-config"))

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client of this stack, with its root user's rights."""
        import boto3  # noqa: PLC0415  # a stack can run without one
        from botocore.config import Config  # noqa: PLC0415  # as above

        keys = {"aws_access_key_id": KEY, "aws_secret_access_key": KEY, **options}
        config = Config(retries={"mode": "standard", "total_max_attempts": 3}, read_timeout=120)
        return boto3.client(
            service, endpoint_url=self.url, region_name=REGION, config=config, **keys
        )

    def log_end(self, lines: int = 5) -> str:
        """The last lines of its log, for a message."""
        log = self.folder / "log"
        if not log.is_file():
            return "It has written no log."
        text = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-lines:]
        return "Its log ends with:\n    " + "\n    ".join(text or ["(nothing)"])

    def _check_room(self) -> None:
        free = shutil.disk_usage(self.folder).free
        if free < self._room:
            raise EngineError(
                f"{self.folder.parent} has {free // 2**20} MB free, MiniStack needs"
                f" {self._room // 2**20}: make room, or set TMPDIR to another place"
            )

    def _start(self, *, last: bool) -> bool:
        port = self._wanted or _free_port()
        if self._wanted and _taken(port):
            raise EngineError(
                f"port {port} of {HOST} is taken: end what listens there, or use another"
            )
        self.url = f"http://{HOST}:{port}"
        self._write_profile()
        (self.folder / "tmp").mkdir(exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._keeper = subprocess.Popen(  # noqa: S603  # our own script
                [self._python, _KEEPER, self.folder, self._python, "-m", "ministack"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=self._server_environment(port),
                cwd=self.folder,
                start_new_session=True,
            )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self._keeper.poll() is not None:
                # Somebody was quicker to take the port.
                if not last and not self._wanted and _taken(port):
                    return False
                raise EngineError(f"MiniStack does not start on {self.url}. {self.log_end()}")
            if self._answers():
                return True
            time.sleep(0.05)
        raise EngineError(f"MiniStack does not answer on {self.url}. {self.log_end()}")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=2) as reply:  # noqa: S310  # our own server
                return bool(reply.status == 200)  # noqa: PLR2004  # OK
        except (urllib.error.URLError, OSError):
            return False

    def _server_environment(self, port: int) -> dict[str, str]:
        return {
            **self.environment(),
            "GATEWAY_PORT": str(port),
            "BIND_HOST": HOST,
            "MINISTACK_HOST": HOST,
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "AUTH": str(self._enforce).lower(),
            "PERSIST_STATE": "0",
            "S3_PERSIST": "0",
            "SFN_WAIT_SCALE": str(self._wait_scale),
            "TMPDIR": str(self.folder / "tmp"),
            "PYTHONUNBUFFERED": "1",
            **self._environment,
        }

    def _write_profile(self) -> None:
        lines = [
            f"[profile {PROFILE}]",
            f"region = {REGION}",
            f"aws_access_key_id = {KEY}",
            f"aws_secret_access_key = {KEY}",
            f"endpoint_url = {self.url}",
        ]
        (self.folder / "aws-config").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
        return port


def _taken(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex((HOST, port)) == 0
