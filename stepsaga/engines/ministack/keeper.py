"""Runs a program, and ends it with all its children when whoever started this ends.

A script of its own, run by MiniStack's interpreter: ``python keeper.py FOLDER PROGRAM ...``, as
the first of a process group. Its standard input is a pipe that nobody writes to: when it closes,
because it was closed or because the other end died in whatever way, the group is ended and the
folder removed. Imports the standard library only.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

PATIENCE_SECONDS = 3.0
"""How long the program may take to end by itself."""
CLEANINGS = 25
"""How often the folder is removed, until it is gone."""


def main(folder: str, command: list[str]) -> int:
    """Run the command until it ends by itself or standard input closes; return its exit code."""
    # Ctrl-C in a terminal goes to the starter's group; this one is told by the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603  # what we are told to run
    starter_is_there = True
    while program.poll() is None and starter_is_there:
        readable, _, _ = select.select([sys.stdin], [], [], 0.2)
        starter_is_there = not readable or bool(os.read(sys.stdin.fileno(), 1024))
    code = _end(program)
    # The program's children are of the group, and may outlive it.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    if starter_is_there:
        return code  # it wants to read the log
    # What has not ended yet may still write there.
    for _ in range(CLEANINGS):
        time.sleep(0.2)
        shutil.rmtree(folder, ignore_errors=True)
        if not Path(folder).exists():
            break
    os.killpg(0, signal.SIGKILL)
    return code


def _end(program: subprocess.Popen[bytes]) -> int:
    if program.poll() is None:
        program.terminate()
        try:
            program.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()
    return program.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
