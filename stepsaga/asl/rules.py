"""A linter of our own over definitions, for what the schema and cfn-lint do not see.

It knows what the compiler may write, and refuses everything else: a field, a resource, a function
or a shape that is new has to be allowed here first. `stepsaga.asl.release.build` runs it over every
definition before anything is deployed.
"""

from __future__ import annotations

import json
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.calls import check_calls
from stepsaga.asl.fields import check_errors, check_fields
from stepsaga.asl.findings import Findings, blocks, states
from stepsaga.asl.flow import check_flow
from stepsaga.asl.maps import check_maps
from stepsaga.asl.service_rules import is_action
from stepsaga.asl.shapes import check_expressions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from stepsaga.errors import Problem

CHARACTERS: Final = 1_048_576
"""https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""

CODES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "S601": (
            "A field that is not known there",
            "A state takes the fields of its type, and of these only what the compiler writes.",
        ),
        "S602": (
            "A field that is missing or of another kind",
            "Required fields are there, and each has the type that Step Functions reads.",
        ),
        "S603": (
            "A transition to nowhere",
            "StartAt, Next, Default and the targets of Catch name states of the same block.",
        ),
        "S604": ("A state that cannot be reached", "Some way from StartAt leads to every state."),
        "S605": (
            "A way without an end",
            "From every state some way leads to End, Succeed or Fail.",
        ),
        "S606": (
            "Next and End",
            "Task, Pass, Wait, Parallel and Map have exactly one of Next and End.",
        ),
        "S607": (
            "States.ALL, or a name twice",
            (
                "States.ALL stands alone in the last retrier or catcher, and no name is"
                " matched twice."
            ),
        ),
        "S608": (
            "A result that is too large is not caught",
            (
                "AWS's pages say that States.ALL does not match States.DataLimitExceeded, so"
                " it is caught by name before it."
            ),
        ),
        "S609": (
            "An unknown resource",
            "Tasks call Lambda, do a service's action, or put a record; nothing else is known.",
        ),
        "S610": (
            "An unknown intrinsic function",
            "Functions are those of May 2024, with as many arguments as they take.",
        ),
        "S611": (
            "A path that is none",
            "Paths name keys and indexes; a ResultPath names one place of the document.",
        ),
        "S612": (
            "A value that may be missing",
            (
                "A path that leads nowhere raises States.Runtime, which cannot be caught: the"
                " saga would end without being undone. `$.Cause` and"
                " `$$.Execution.RedriveCount` can be absent; an execution's input can be"
                " anything."
            ),
        ),
        "S613": (
            "An error name that cannot be used",
            (
                "Names that begin with `States.` belong to Step Functions; some of them"
                " cannot be caught."
            ),
        ),
        "S614": (
            "A Task without TimeoutSeconds",
            "Without it a Task may take three years before its saga is undone.",
        ),
        "S615": (
            "A Catch where failures must show",
            (
                "Compensations, steps after the pivot and the record of the end fail in their"
                " Task, where a redrive goes on; a probe catches Rejected alone."
            ),
        ),
        "S616": (
            "A state's name",
            "Names have 1 to 80 characters: ASCII letters, digits, spaces, '.', '_' and '-'.",
        ),
        "S617": ("A name twice", "Names of states are unique in the whole machine."),
        "S618": (
            "Another dialect",
            "The same text runs on Step Functions Local of May 2024: no JSONata, no variables.",
        ),
        "S619": (
            "An unknown substitution",
            (
                "`${Name}` is replaced at deployment, wherever it stands: in function and"
                " table names and as a whole parameter of an action, and nowhere else."
            ),
        ),
        "S620": ("A definition that is too long", "Step Functions takes 1,048,576 characters."),
        "S621": ("A number out of range", "Times and attempts have the ranges of Step Functions."),
        "S622": (
            "A Wait without one time",
            "A Wait has exactly one of Seconds, SecondsPath, Timestamp and TimestampPath.",
        ),
        "S623": (
            "A template that says something else",
            "A key that ends in `.$` holds an expression, and only there one is evaluated.",
        ),
        "S624": (
            "A payload that is no call",
            "What the runtime would refuse at run time is refused here.",
        ),
        "S625": (
            "A step whose failure is not caught",
            "Before the point of no return every failure leads into the compensations.",
        ),
        "S626": (
            "A retry of what is certain",
            "Only what may have failed by chance is tried again; Rejected and Fenced are answers.",
        ),
        "S627": (
            "A text that is no definition",
            "It is one JSON object, without a key twice and without NaN.",
        ),
        "S628": (
            "Version and alias",
            (
                "Steps up to the pivot call the version that was deployed with them,"
                " everything else the alias, which a deployment moves: else no fix could reach"
                " a stuck saga."
            ),
        ),
        "S629": (
            "Slots that do not add up",
            (
                "Each outcome has one slot, the first commit opens the stream, the last one"
                " closes it."
            ),
        ),
        "S630": (
            "The wrong order",
            (
                "Steps run as their slots count, compensations in reverse, and each failure"
                " enters them at the right point."
            ),
        ),
        "S631": (
            "The record of the end",
            "A failed saga ends in one conditional put, and then in Fail.",
        ),
        "S632": (
            "TimeoutSeconds beside the step's time",
            "The state's time is the step's plus 15 s for dispatch and cold start.",
        ),
        "S633": (
            "A probe that comes too early",
            (
                "Until the pivot's time is up an invocation whose reply was lost may still be"
                " running."
            ),
        ),
        "S634": (
            "A result in another place",
            (
                "Results stand under their step's name; the first replaces the input, which"
                " may be anything, and compensations leave none."
            ),
        ),
    }
)
"""Every code of this linter: its title, and why."""

_SUBSTITUTION: Final = re.compile(r"\$\{([^}]*)\}?")
_SUBSTITUTED: Final = frozenset({"FunctionName", "TableName"})


def lint_text(text: str, *, known: Collection[str] | None = None) -> list[Problem]:
    """What is wrong with the text of a definition; see `lint`."""
    found = Findings()
    if len(text) > CHARACTERS:
        size = f"the definition has {len(text)} characters"
        found.add("S620", "definition", size, f"Step Functions takes {CHARACTERS}: split the saga")
    twice: list[str] = []
    try:
        definition = json.loads(
            text, object_pairs_hook=lambda pairs: _once(pairs, twice), parse_constant=_no_number
        )
    except (ValueError, RecursionError) as error:
        found.add("S627", "definition", f"the text is no JSON: {error}", "write JSON")
        return found.problems
    for key in twice:
        hint = "only the last one counts: drop the others"
        found.add("S627", "definition", f"the key {key!r} stands twice in one object", hint)
    return found.problems + lint(definition, known=known)


def lint(definition: Any, *, known: Collection[str] | None = None) -> list[Problem]:
    """What is wrong with a definition, each with a code of `CODES`. Takes anything, raises nothing.

    Args:
        definition: The state machine as JSON values.
        known: The substitutions that the deployment makes; None where any will do.
    """
    found = Findings()
    if not isinstance(definition, dict):
        kind = type(definition).__name__
        found.add("S627", "definition", f"it is no object but {kind}", "write a state machine")
        return found.problems
    try:
        check_fields(definition, found)
        check_flow(definition, found)
        check_errors(definition, found)
        check_expressions(definition, found)
        check_calls(definition, found)
        check_maps(definition, found)
        _check_substitutions(definition, known, found)
    except RecursionError:
        found.add("S627", "definition", "its content is nested too deep", "write it flatter")
    return found.problems


def _check_substitutions(
    definition: dict[str, Any], known: Collection[str] | None, found: Findings
) -> None:
    actions = {
        name
        for _, block in blocks(definition)
        for name, state in states(block).items()
        if is_action(state)
    }
    for where, key, text in _texts(definition, "definition", ""):
        for name in _SUBSTITUTION.findall(text):
            whole = where in actions and text == f"${{{name}}}"
            if key not in _SUBSTITUTED and not whole:
                hint = "write it without `${`, which the deployment would replace"
                found.add("S619", where, f"a substitution stands in {key or where!r}", hint)
            elif known is not None and name not in known:
                hint = f"known are {', '.join(known)}"
                found.add("S619", where, f"nothing is substituted for {name!r}", hint)


def _texts(value: Any, where: str, key: str) -> Iterator[tuple[str, str, str]]:
    """Every text of a definition, keys too, with the state and the key that it stands in."""
    if isinstance(value, str):
        yield where, key, value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, where, key)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield where, key, name
            yield from _texts(item, name if key == "States" else where, name)


def _once(pairs: list[tuple[str, Any]], twice: list[str]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice += [key for key in made if keys.count(key) > 1]
    return made


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")
