"""The kernel ends a call whose time is up. Each case is a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

STUCK = {
    "sleeping": "time.sleep(60)",
    "in C code without the interpreter's lock": "hashlib.pbkdf2_hmac('sha256', b'x', b'y', 10**9)",
    "in C code that holds the lock": "re.match('(a+)+$', 'a' * 60 + 'b')",
    "in a foreign function": "ctypes.CDLL(None).pause()",
    "swallowing every exception": """
        while True:
            try:
                time.sleep(60)
            except BaseException:
                pass
    """,
    "in another thread's join": """
        thread = threading.Thread(target=time.sleep, args=[60], daemon=True)
        thread.start()
        thread.join()
    """,
}
IMPORTS = """
    import ctypes, hashlib, re, signal, sys, threading, time
    from stepsaga.runtime.timers import KernelTimer
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own, which ends by itself."""
    script = textwrap.dedent(IMPORTS) + textwrap.dedent(code)
    return subprocess.run(  # noqa: S603  # the script is this test's own
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("stuck", STUCK.values(), ids=STUCK)
def test_the_kernel_kills_whatever_the_handler_does(stuck: str) -> None:
    """A handler that is stuck anywhere dies with its process, whatever was set before (rule 23)."""
    body = textwrap.indent(textwrap.dedent(stuck).strip(), "    ")
    done = run(
        "signal.signal(signal.SIGALRM, lambda *_: print('a handler ran'))\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})\n"
        f"with KernelTimer(0.2):\n{body}\n"
        "print('still here')\n"
    )
    assert done.returncode == -signal.SIGALRM
    assert done.stdout == ""


LEAVINGS = {
    "returns": "pass",
    "raises": "raise ValueError",
    "exits": "raise SystemExit",
}


@pytest.mark.parametrize("leaving", LEAVINGS.values(), ids=LEAVINGS)
def test_a_warm_process_does_not_inherit_the_timer(leaving: str) -> None:
    """However a call ends, its timer is disarmed: the next call has its whole time (rule 23)."""
    done = run(
        f"""
        try:
            with KernelTimer(0.05):
                assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
                {leaving}
        except BaseException:
            pass
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
        signal.sigtimedwait([], 0.2)
        print("still here")
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "still here\n", "")


def test_a_second_call_has_a_time_of_its_own() -> None:
    """The timer is armed anew on each arrival."""
    done = run(
        """
        with KernelTimer(30):
            pass
        with KernelTimer(0.1):
            signal.pause()
        """
    )
    assert done.returncode == -signal.SIGALRM


def test_no_call_runs_untimed() -> None:
    """Outside the main thread no timer can be set, and then the handler is not run."""
    done = run(
        """
        import traceback
        sys.path.insert(0, "")
        from stepsaga.errors import StepFailed
        from stepsaga.runtime import Runtime
        from stepsaga.store import MemoryStore
        from tests.runtime.calls import NOW, call, unused

        def work():
            runtime = Runtime(
                participant="shop.payments",
                store=MemoryStore(),
                now=lambda: NOW,
                timer=KernelTimer,
                resolve=lambda _: unused,
            )
            try:
                runtime.handle(call())
            except StepFailed as error:
                print(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        """
    )
    assert "charge: ValueError: signal only works in main thread" in done.stdout, done.stderr


def test_the_runtime_arms_its_timer_with_the_calls_seconds() -> None:
    """A call that is over its seconds dies in the handler, and nothing is written (rules 5, 23)."""
    done = run(
        """
        sys.path.insert(0, "")
        from stepsaga.runtime import Runtime
        from stepsaga.store import MemoryStore
        from tests.runtime.calls import NOW, call

        def hangs():
            print("armed", round(signal.getitimer(signal.ITIMER_REAL)[0]), flush=True)
            signal.setitimer(signal.ITIMER_REAL, 0.1)  # the rest of the time passes quickly
            signal.pause()

        Runtime(
            participant="shop.payments",
            store=MemoryStore(),
            now=lambda: NOW,
            timer=KernelTimer,
            resolve=lambda _: hangs,
        ).handle(call())
        """
    )
    assert (done.returncode, done.stdout) == (-signal.SIGALRM, "armed 20\n"), done.stderr
