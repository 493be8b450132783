"""``stepsaga replay-dead-letters``: what could not be done is tried again, after the fix."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.progress import track

from stepsaga.cli.deployed import (  # typer reads the annotations
    EndpointOption,  # noqa: TC001  # as above
    StackOption,  # noqa: TC001  # as above
)
from stepsaga.cli.exits import PROBLEM
from stepsaga.cli.output import complain, console, say
from stepsaga.cli.values import one_line
from stepsaga.cli.words import for_people
from stepsaga.client.dead_letters import MOST, LetterBox
from stepsaga.client.stack import VARIABLE, clients_of, read_stack
from stepsaga.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from stepsaga.client.dead_letters import Letter

LONGEST: Final = 200
"""Characters of a reason that are shown."""
_ID: Final = 8
"""Characters of a message's id that are shown."""


def replay_dead_letters(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only show.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Send without asking.")] = False,
    what: Annotated[
        str, typer.Option(metavar="TEXT", help="Only those that name this, or whose reason does.")
    ] = "",
    stack: StackOption = None,
    endpoint_url: EndpointOption = None,
) -> None:
    """Send what could not be done to the queues where it came from, after what failed was mended.

    Such are events, messages and schedules that could not start a saga, with the reason. Sending
    one twice starts nothing twice. What still cannot be done comes back, with the reason.
    """
    if not stack:
        raise UsageError(f"which stack? Name it with --stack, or set {VARIABLE}")
    asks = sys.stdin.isatty() and not yes
    if not (dry_run or yes or asks):
        raise UsageError("nobody is there to be asked: give --yes to send, or -n only to show")
    client = clients_of(stack, endpoint_url)
    url = read_stack(client("cloudformation"), stack).dead_letters
    if not url:
        say(f"nothing in {stack} can become a dead letter", style="green")
        return
    ask = (lambda question: typer.confirm(question, err=True)) if asks else None
    Replay(LetterBox(client, url), what=what, dry_run=dry_run, ask=ask).run()


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Replay:
    """One run of the command.

    Attributes:
        box: The queue of dead letters.
        what: Only those are meant that name this, or whose reason does.
        dry_run: Whether nothing is sent.
        ask: Asks whether to send; None where that is not asked.
        now: The time.
    """

    box: LetterBox
    what: str = ""
    dry_run: bool = False
    ask: Callable[[str], bool] | None = None
    now: Callable[[], datetime] = field(default=_now)

    def run(self) -> None:
        """Read, show, ask, and send. What is not sent is let go, so that others see it.

        Raises:
            typer.Exit: Something could not be sent, or was not to be after all.
        """
        there = self.box.read()
        meant = [one for one in there if self.what in one.what or self.what in one.reason]
        left = {one.id: one for one in there}
        try:
            if self._agreed(meant, there):
                for one in self._sent(meant):
                    del left[one.id]
                self._end(meant, [one for one in meant if one.id in left], there)
        finally:
            self.box.release(list(left.values()))

    def _agreed(self, meant: Sequence[Letter], there: Sequence[Letter]) -> bool:
        others = f", {len(there) - len(meant)} others are left" if len(there) > len(meant) else ""
        if not meant:
            say(f"no dead letters{others}", style="green")
            return False
        self._show(meant)
        if self.dry_run:
            say(f"would send {_counted(meant)}{others}", style="dim")
            return False
        if self.ask is not None and not self.ask(f"send {_counted(meant)}?"):
            complain("nothing was sent")
            raise typer.Exit(PROBLEM)
        return True

    def _sent(self, meant: Sequence[Letter]) -> Iterable[Letter]:
        shown = console(sys.stderr)
        sending = self.box.send(meant)
        hidden = not sys.stderr.isatty()
        for one, error in track(
            sending, "sending", len(meant), console=shown, disable=hidden, transient=True
        ):
            if error:
                complain(f"{one.what} {one.id[:_ID]} was not sent: {error}")
            else:
                yield one

    def _end(
        self, meant: Sequence[Letter], failed: Sequence[Letter], there: Sequence[Letter]
    ) -> None:
        done = [one for one in meant if one not in failed]
        say(f"sent {_counted(done)}", style="" if failed else "green")
        if len(there) >= MOST:
            say(f"there may be more than {MOST:,}: run it again")
        if failed:
            raise typer.Exit(PROBLEM)

    def _show(self, letters: Sequence[Letter]) -> None:
        """What it is, how old, its id, and below it the reason, which is long."""
        for one in letters:
            age = for_people(max(0, int((self.now() - one.at).total_seconds())))
            say(f"{one_line(one.what)}  {age}  {one.id[:_ID]}", style="bold")
            say(f"    {one_line(one.reason, LONGEST)}", style="red")


def _counted(letters: Sequence[Letter]) -> str:
    return "1 letter" if len(letters) == 1 else f"{len(letters)} letters"
