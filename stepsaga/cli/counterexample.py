"""A run that breaks a law, for eyes: which law, what happened, and how to see it again."""

from __future__ import annotations

import shlex
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.text import Text

from stepsaga.cli.failures import failure_of
from stepsaga.cli.timeline import timeline_of
from stepsaga.cli.timeline_view import view
from stepsaga.store.slots import iso, stream_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from stepsaga.asl.release import Compiled
    from stepsaga.testing.cases import Case
    from stepsaga.testing.trial import Trial, Verdict


def command(saga: str, case: Case, options: Sequence[str] = ()) -> str:
    """The one command that runs a case again."""
    faults = [word for text in case.texts for word in ("--only", text)]
    words = ["stepsaga", "verify", saga, *faults, "--way", case.way, *options]
    return shlex.join(words)


def counterexample(compiled: Compiled, trial: Trial) -> RenderableType:
    """What happened in a run of a saga, with the laws that it breaks, if any."""
    verdict = trial.verdict
    head = Text.assemble((compiled.name, "bold"), f", {verdict.case.way}: ", str(verdict.case))
    laws = [_law(broken.law, broken.text) for broken in verdict.broken]
    stuck = [*_stuck(verdict), *map(_mended, verdict.mended)]
    return Group(head, *laws, *stuck, Text(""), _story(compiled, trial), *_children(trial))


def as_text(compiled: Compiled, trial: Trial) -> str:
    """The same as plain text, for the message of a test that fails."""
    out = StringIO()
    plain = Console(file=out, width=100, markup=False, emoji=False, highlight=False)
    plain.print(counterexample(compiled, trial))
    return out.getvalue()


def _law(law: str, text: str) -> Text:
    return Text.assemble(("  broken: ", "bold red"), law, "\n          ", (text, "bold"))


def _stuck(verdict: Verdict) -> list[Text]:
    if verdict.stuck is None:
        return []
    told = f"  it was stuck: {verdict.stuck.error}\n  next action: {verdict.stuck.next_action}"
    return [Text(told, style="yellow")]


def _mended(told: str) -> Text:
    return Text(f"  a child was stuck, and was mended: {told}", style="yellow")


def _children(trial: Trial) -> Iterator[RenderableType]:
    for child in trial.children:
        yield Text("")
        yield view(
            timeline_of(
                child.stream,
                iso(child.view.started),
                child.commits,
                kept=child.compiled.graph,
                failure=failure_of(child.view, child.history),
            )
        )


def _story(compiled: Compiled, trial: Trial) -> RenderableType:
    run = iso(trial.view.started)
    return view(
        timeline_of(
            stream_of(compiled.name, trial.view.name),
            run,
            trial.commits,
            kept=compiled.graph,
            failure=failure_of(trial.view, trial.history),
        )
    )
