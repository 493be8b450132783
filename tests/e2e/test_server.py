"""MiniStack as a process: it starts, or says why it cannot, and it ends for sure."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stepsaga.engines.ministack.deployment import tools
from stepsaga.engines.ministack.server import HOST, MiniStack
from stepsaga.errors import EngineError

ROOT = Path(__file__).parents[2]
PYTHON, _ = tools(ROOT)
LISTEN_TO_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
"""What a shell starts in the background is deaf to Ctrl-C, and so is all that it starts."""


def group(pid: int) -> list[int]:
    """The processes of a process group that are alive, zombies left out."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def gone(pid: int, seconds: float = 120) -> bool:
    """Whether a process group ends within some time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not group(pid):
            return True
        time.sleep(0.1)
    return False


def test_it_listens_on_this_machine_only_and_leaves_nothing() -> None:
    """It listens on 127.0.0.1, and closing it leaves neither a process nor a file."""
    with MiniStack(PYTHON) as server:
        server.check()
        listening = Path("/proc/net/tcp").read_text()
        port = f"{int(server.url.rpartition(':')[2]):04X}"
        addresses = {
            line.split()[1]
            for line in listening.splitlines()[1:]
            if line.split()[1].endswith(f":{port}") and line.split()[3] == "0A"
        }
        assert addresses == {f"0100007F:{port}"}
        folder, pid = server.folder, server.pid
        assert group(pid)
    assert not folder.exists()
    assert gone(pid)


def test_two_run_side_by_side() -> None:
    """Each takes a port of its own, and what is in one is not in the other."""
    with MiniStack(PYTHON) as one, MiniStack(PYTHON) as other:
        assert one.url != other.url
        one.client("sqs").create_queue(QueueName="only-here")
        assert not other.client("sqs").list_queues().get("QueueUrls")


def test_a_taken_port_is_named() -> None:
    """Where somebody listens on the wanted port, the error says which it is."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EngineError, match=f"port {port} of 127.0.0.1 is taken"):
            MiniStack(PYTHON, port=port).__enter__()


def test_an_environment_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Without its environment the error says how to make it."""
    with pytest.raises(EngineError, match="`make stack` sets MiniStack up"):
        MiniStack(tmp_path / "python").__enter__()


def test_one_that_cannot_start_says_why(tmp_path: Path) -> None:
    """Where the interpreter has no MiniStack, the error ends with what it said."""
    with pytest.raises(EngineError, match="No module named ministack"):
        MiniStack(Path(sys.executable)).__enter__()
    assert not list(tmp_path.iterdir())


def test_no_room_is_named() -> None:
    """With less disk than it needs, the error says where and how much."""
    with pytest.raises(EngineError, match=r"MB free, MiniStack needs \d+: make room"):
        MiniStack(PYTHON, room=2**60).__enter__()


def test_one_that_dies_is_noticed_and_cleaned_up() -> None:
    """When its process is killed, the next look says so, and closing leaves nothing."""
    with MiniStack(PYTHON) as server:
        folder, pid = server.folder, server.pid
        for process in group(pid):
            if process != pid:
                os.kill(process, signal.SIGKILL)
        assert gone(pid)
        with pytest.raises(EngineError, match=r"is not running any more\. Its log ends with"):
            server.check()
    assert not folder.exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_whoever_started_it(number: signal.Signals) -> None:
    """However its starter dies, the whole process group ends."""
    script = (
        f"{LISTEN_TO_CTRL_C}; import sys, time; from pathlib import Path;"
        "from stepsaga.engines.ministack.server import MiniStack;"
        f"server = MiniStack(Path({str(PYTHON)!r})).__enter__();"
        "print(server.pid, server.folder, flush=True); time.sleep(600)"
    )
    starter = subprocess.Popen(  # noqa: S603  # the script above
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    with starter.stdout:
        words = starter.stdout.readline().split()
    pid, folder = int(words[0]), words[1]
    assert group(pid)
    starter.send_signal(number)
    starter.wait(120)
    assert gone(pid)
    assert not Path(folder).exists()
