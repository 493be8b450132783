"""DynamoDB on this machine, in this process: moto's server on a free port of 127.0.0.1."""

from __future__ import annotations

import logging
import pickle
import re
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import boto3
from botocore.awsrequest import AWSPreparedRequest

from stepsaga.engines.isolated import isolated, settings
from stepsaga.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from botocore.awsrequest import AWSResponse

SETUP: Final = "tools/local.py"
"""Where a project's ``setup(dynamodb)`` makes the participants' tables."""
_SIGNED: Final = re.compile(r"/([^/]+)/dynamodb/aws4_request")
"""The region in a signature."""


_ONLY: Final = "makes_tables_only"

F = TypeVar("F", bound="Callable[[Any], None]")


def tables_only(setup: F) -> F:
    """Say of a ``setup(dynamodb)`` that it makes tables with items, always the same, and no more.

    `stepsaga verify` begins anew thousands of times: such tables are made once, and put back.
    """
    setattr(setup, _ONLY, True)
    return setup


@dataclass(frozen=True, slots=True)
class LocalStack:
    """A running server. boto3 finds it by the environment while the stack is up."""

    url: str
    _made: dict[Callable[[Any], None], bytes] = field(default_factory=dict, repr=False)
    """What setups have made that make nothing but tables."""

    def client(self, service: str = "dynamodb") -> Any:
        """A boto3 client of the stack."""
        return boto3.client(service)

    def reset(self) -> None:
        """Forget everything."""
        request = urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")  # noqa: S310  # our own server
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310  # as above
            reply.read()

    def prepare(self, setup: Callable[[Any], None] | None, client: Any = None) -> None:
        """Begin anew, with the participants' tables; ``client`` is one of the stack's, if given."""
        self.reset()
        if setup is None:
            return
        if setup in self._made:
            _put_back(self._made[setup])
            return
        setup(client or self.client())
        if getattr(setup, _ONLY, False):
            self._made[setup] = _all_tables()


@contextmanager
def local_stack() -> Iterator[LocalStack]:
    """Start the server, and make it the only AWS that boto3 can find while the block runs.

    Settings of the user's are out of the way meanwhile: a profile or ``AWS_ENDPOINT_URL_DYNAMODB``
    would win over the stack's address. Enter it before modules that make clients are imported.

    Raises:
        UsageError: moto is not installed.
    """
    try:
        server_module = import_module("moto.server")
    except ImportError as error:
        text = 'this needs moto for local tables: pip install "stepsaga[local]"'
        raise UsageError(text) from error
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        with isolated(settings(url, "local")):
            _answer_here(url)
            yield LocalStack(url)
    finally:
        server.stop()


def _answer_here(url: str) -> None:
    """Let moto answer boto3's calls of DynamoDB without the way over a socket and back.

    The server and moto's stubber are two doors to the same tables. Sessions that are made by hand,
    and whatever is not boto3, come in by the server.
    """
    stubber = import_module("moto.core.botocore_stubber").BotocoreStubber()
    stubber.enabled = True

    def answer(request: AWSPreparedRequest, **more: Any) -> AWSResponse | None:
        signed = _SIGNED.search(str(request.headers.get("Authorization")))
        if request.url != f"{url}/" or signed is None:
            return None
        # By this address the stubber knows service and region. A copy of the request has it: the
        # request itself goes nowhere but to the server, whatever the stubber says.
        known = AWSPreparedRequest(
            method=request.method,
            url=f"https://dynamodb.{signed[1]}.amazonaws.com/",
            headers=request.headers,
            body=request.body,
            stream_output=request.stream_output,
        )
        return stubber(request=known, **more)

    boto3.DEFAULT_SESSION.events.register("before-send.dynamodb", answer)


def _backends() -> Any:
    return import_module("moto.backends").get_backend("dynamodb")


def _all_tables() -> bytes:
    tables = [
        (account, region, backend.tables)
        for account, regions in _backends().items()
        for region, backend in regions.items()
    ]
    return pickle.dumps(tables)


def _put_back(made: bytes) -> None:
    for account, region, tables in pickle.loads(made):  # noqa: S301  # our own, a moment ago
        _backends()[account][region].tables = tables


def find_setup(root: Path) -> Callable[[Any], None] | None:
    """A project's own ``setup(dynamodb)`` in ``tools/local.py``; None where it has no such file.

    Another package called ``tools`` may be installed, so the file has to be the project's.

    Raises:
        UsageError: The file is there, the function is not, or another ``tools`` is imported.
    """
    module = _local_module(root)
    if module is None:
        return None
    setup = getattr(module, "setup", None)
    if not callable(setup):
        raise UsageError(f"{SETUP} has no function setup: write def setup(dynamodb): ...")
    return setup  # type: ignore[no-any-return]  # looked up by name


def find_stands(root: Path) -> Callable[[Any], Any] | None:
    """A project's own ``stands(dynamodb)`` in ``tools/local.py``; None where it has none.

    It tells what of all that is in the tables counts: what a saga that is compensated must leave as
    it was. What is kept for the records (refunds, tombstones, fees) is not in it.

    Raises:
        UsageError: Another ``tools`` is imported.
    """
    stands = getattr(_local_module(root), "stands", None)
    return stands if callable(stands) else None


def _local_module(root: Path) -> ModuleType | None:
    file = root / SETUP
    if not file.is_file():
        return None
    module = import_module(".".join(Path(SETUP).with_suffix("").parts))
    if Path(module.__file__ or "").resolve() != file.resolve():
        raise UsageError(
            f"another package called 'tools' is imported, from {module.__file__}: put an"
            f" __init__.py into {file.parent}, and {root} first on the path"
        )
    return module
