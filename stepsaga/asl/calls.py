"""Rules on a saga's calls: each is one that the runtime takes, and failures lead where they must.

These are stepsaga's own rules; a definition can be flawless Amazon States Language and still lose
money when a catcher enters the chain of compensations one state too late.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from stepsaga.asl.compiler import INVOKE, PUT_ITEM, TAKEN, TOO_LARGE
from stepsaga.asl.findings import blocks, names, states, table, tables
from stepsaga.asl.names import EVENT_TABLE, UNDONE, function_name, live_name
from stepsaga.asl.retriers import ASKING, DOUBTFUL, THROTTLED, TRANSIENT
from stepsaga.asl.service_rules import ENDS, check_services, is_action, is_record
from stepsaga.asl.states import ASK
from stepsaga.limits import DISPATCH_SECONDS, FIRST_OPERATION_SLOT, TERMINAL_SLOT
from stepsaga.runtime.call import MANY, Call, Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.asl.findings import Findings

BEFORE: Final = frozenset({Part.COMPENSATABLE, Part.READ_ONLY, Part.PIVOT, Part.QUESTION})
"""What runs before the point of no return, and whose failure is undone."""

FORWARD: Final = BEFORE | {Part.RETRIABLE}
FAILING: Final = frozenset({Part.COMPENSATION, Part.RETRIABLE, Part.SETTLE, Part.SETTLE_ITEMS})
"""What fails in its Task, where a redrive goes on."""
CAUGHT: Final = ("Rejected", "States.DataLimitExceeded", "States.ALL")
RETRIED: Final = (THROTTLED, TRANSIENT, DOUBTFUL)
RECORD_FIELDS: Final = frozenset(
    {
        "stream_id",
        "slot",
        "outcome",
        "events",
        "commit_id",
        "correlation_id",
        "causation_id",
        "recorded_at",
        "attempt",
        "fingerprint",
    }
)

_INSTANT: Final = "2026-11-21T08:00:00.000Z"
_CONTEXT: Final = {
    "execution": {"Id": "arn", "Name": "name", "StartTime": _INSTANT, "Input": None},
    "state": {"Name": "state", "EnteredTime": _INSTANT, "RetryCount": 0},
}


_LANE_SAMPLES: Final[dict[str, Any]] = {
    "lane.$": [[1, 1_000_000], 1, 1_000_000],
    "undo.$": [1, 1_000_000],
    "items.$": {},
    "since.$": _INSTANT,
    "failures.$": [],
    "failure.$": {},
    "done.$": {"value": None},
    "shard.$": 0,
    "ran.$": {},
}
"""What the calls of lanes and of unanswered questions evaluate, and what it could give."""

_TOKEN: Final = {"token.$": "$$.Task.Token"}


@dataclass(frozen=True, slots=True)
class Task:
    """A Task that calls a handler, with what it would send."""

    name: str
    state: dict[str, Any]
    function: Any
    call: Call

    def caught(self) -> dict[str, Any]:
        """Error names and the states that they lead to."""
        return {
            error: catcher.get("Next")
            for catcher in tables(self.state.get("Catch"))
            for error in names(catcher.get("ErrorEquals"))
        }


def check_calls(definition: dict[str, Any], found: Findings) -> None:
    """Rules S609, S615, S624 to S626 and S628 to S634.

    Where steps are a sequence, their order and where each failure leads are checked as well. With
    choices, branches, maps, questions and children that is what the laws over generated sagas are
    for.
    """
    check_services(definition, found)
    known = states(definition)
    tasks = list(_tasks(known, found))
    if _is_nested(known, tasks):
        check_lanes(definition, found)
        return
    first = min((t.call.slot for t in tasks if t.call.part in FORWARD), default=())
    for task in tasks:
        _check_call(task, first=task.call.slot == first, found=found)
        _check_result(task, first=task.call.slot == first, found=found)
        _check_retry(task, found)
        _check_catch(task, found)
    _check_functions(tasks, found)
    _check_books(tasks, found)
    _Order(known, tasks, definition.get("StartAt"), found).check()
    _check_record(known, tasks, found)


def _is_nested(known: dict[str, dict[str, Any]], tasks: list[Task]) -> bool:
    caught = [target for task in tasks for target in task.caught().values()]
    probed = {target for target in caught if isinstance(target, str)}
    # The first node's failure is put beside the results on its way.
    probed |= {str(known[name].get("Next")) for name in probed if name in known}
    return any(task.call.secret for task in tasks) or any(
        is_action(state)
        or state.get("Type") in ("Choice", "Parallel", "Map")
        or (state.get("Type") == "Wait" and name not in probed)
        for name, state in known.items()
    )


def check_lanes(definition: dict[str, Any], found: Findings) -> None:
    """The rules on single calls, in a machine with lanes: see `check_calls`."""
    every: list[Task] = []
    for where, block in blocks(definition):
        for task in _tasks(states(block), found):
            every.append(task)
            _check_time(task, found)
            _check_retry(task, found)
            if where == "definition":
                _check_catch(task, found)
            else:
                _check_lane_catch(task, found)
    _check_functions(every, found)
    _check_one_saga(every, found)
    _check_record(states(definition), every, found)


def _check_lane_catch(task: Task, found: Findings) -> None:
    """In a lane everything is caught and reported, but for what must fail behind it (rule 13)."""
    wanted: tuple[str, ...] = (TOO_LARGE, "States.ALL")
    if task.call.part is Part.SETTLE:
        wanted = ()
    elif task.call.part is Part.QUESTION:
        wanted = CAUGHT
    caught = tuple(task.caught())
    # Where a probe settles doubt, a rejection is none; and a probe may be asked again, undoing.
    settled = task.call.part in BEFORE | {Part.VERIFY} and caught == CAUGHT
    if caught != wanted and not settled:
        text = f"in a lane it catches {', '.join(task.caught()) or 'nothing'}"
        hint = f"catch {', '.join(wanted) or 'nothing'}: a lane that fails must not cut off others"
        found.add("S625", task.name, text, hint)


def _tasks(known: dict[str, dict[str, Any]], found: Findings) -> Iterator[Task]:
    for name, state in known.items():
        if state.get("Type") != "Task":
            continue
        if state.get("Resource") not in (INVOKE, ASK):
            if state.get("Resource") != PUT_ITEM and not is_action(state):
                text = f"the resource {state.get('Resource')!r} is not known"
                hint = f"use {INVOKE}, {ASK}, {PUT_ITEM}, or the action of a service"
                found.add("S609", name, text, hint)
            continue
        parameters = table(state.get("Parameters"))
        if set(parameters) != {"FunctionName", "Payload"}:
            hint = "give FunctionName and Payload, and nothing else"
            found.add("S624", name, f"its Parameters are {', '.join(parameters) or 'none'}", hint)
        call = _call(name, parameters.get("Payload"), found)
        if call is not None:
            asks = bool(call.secret)
            if asks != (state.get("Resource") == ASK):
                text = f"a {call.part.value} call has the resource {state.get('Resource')!r}"
                hint = "a question or a child, and nothing else, waits for a token: use"
                hint = f"{hint} {ASK if asks else INVOKE}"
                found.add("S609", name, text, hint)
            yield Task(name, state, parameters.get("FunctionName"), call)


def _call(name: str, payload: Any, found: Findings) -> Call | None:
    """The call that a payload becomes, or None where the runtime would not take it."""
    given = table(payload)
    evaluated = {key: value for key, value in given.items() if key.endswith(".$")}
    known = {"execution.$": "$$.Execution", "state.$": "$$.State"}
    if "shard.$" in given:  # the saga's execution is not the item's
        known |= {"execution.$": "$.execution", "by.$": "$$.Execution"}
    of_lanes = {key: evaluated.pop(key) for key in _LANE_SAMPLES if key in evaluated}
    if given.get("part") == Part.QUESTION.value or "child" in given:
        known |= _TOKEN
    if evaluated not in (known, known | {"results.$": "$"}):
        hint = (
            "evaluate execution.$ as $$.Execution, state.$ as $$.State, and at most results.$ as $"
        )
        found.add("S624", name, "its payload evaluates something else", hint)
    sample = {key: value for key, value in given.items() if not key.endswith(".$")} | _CONTEXT
    if "shard.$" in given:
        sample.pop("results", None)
    sample |= {"token": "token"} if "token.$" in evaluated else {}
    sample |= {key.removesuffix(".$"): _LANE_SAMPLES[key] for key in of_lanes}
    try:
        return Call.model_validate(sample)
    except ValidationError as error:
        for one in error.errors(include_input=False, include_url=False):
            field = ".".join(map(str, one["loc"])) or "payload"
            text = f"the runtime would refuse the call: {field}: {one['msg']}"
            found.add("S624", name, text, "write it as stepsaga/runtime/call.py says")
        return None


def _check_call(task: Task, *, first: bool, found: Findings) -> None:
    payload = task.state["Parameters"]["Payload"]
    part = task.call.part
    first = first and part in FORWARD
    needs = (part in FORWARD and not first) or (part is Part.VERIFY and bool(task.call.handler))
    if needs and "results.$" not in payload:
        found.add("S624", task.name, "the call carries no results", 'give "results.$": "$"')
    if "results.$" in payload and (first or part is Part.COMPENSATION):
        text = "the call carries the document" + (", which is the input here" if first else "")
        hint = "leave results.$ out" + (
            "" if first else ": a document that is full must not disable its own undoing"
        )
        found.add("S624", task.name, text, hint)
    _check_time(task, found)


def _check_time(task: Task, found: Findings) -> None:
    seconds = task.state.get("TimeoutSeconds")
    if task.call.secret:
        beat = task.state.get("HeartbeatSeconds")
        if isinstance(beat, int) and isinstance(seconds, int) and beat >= seconds:
            text = f"HeartbeatSeconds is {beat}, TimeoutSeconds {seconds}"
            found.add("S632", task.name, text, "give less, or leave it out")
        return
    if seconds != task.call.seconds + DISPATCH_SECONDS:
        text = f"TimeoutSeconds is {seconds}, the step has {task.call.seconds} s"
        hint = f"give {task.call.seconds + DISPATCH_SECONDS}: dispatch and cold start take time"
        found.add("S632", task.name, text, hint)


def _check_result(task: Task, *, first: bool, found: Findings) -> None:
    """Results stand under their step's name, and nothing else gets into the document."""
    value: dict[str, Any] = {"value.$": "$.Payload.value"}
    if task.call.part is Part.COMPENSATION:
        selector, path = None, None
    elif first and task.call.part in FORWARD:
        selector, path = {task.call.step: value}, "$"
    else:
        selector, path = value, f"$.{task.call.step}"
    given = (task.state.get("ResultSelector"), task.state.get("ResultPath", "$"))
    if given != (selector, path):
        text = f"its result is put as {given[0]!r} at {given[1]!r}"
        found.add("S634", task.name, text, f"put it as {selector!r} at {path!r}")
    if task.call.part in BEFORE | {Part.VERIFY}:
        _check_failure(task, first=first, found=found)


def _check_failure(task: Task, *, first: bool, found: Findings) -> None:
    """A failure stands beside the results, which a probe still needs, and does not replace them."""
    wanted: str | None = "$.failure"
    if task.call.part is Part.VERIFY and not task.call.handler:
        wanted = None
    elif task.call.part in BEFORE and first:
        wanted = "$"
    for catcher in tables(task.state.get("Catch")):
        if catcher.get("ResultPath", "$") != wanted:
            text = f"a failure is put at {catcher.get('ResultPath', '$')!r}"
            found.add("S634", task.name, text, f"put it at {wanted!r}")


def _check_retry(task: Task, found: Findings) -> None:
    """Only what may have failed by chance is tried again, and never what was said for certain."""
    groups = (*RETRIED[:-1], ASKING) if task.call.secret else RETRIED
    left = list(groups)
    for number, entry in enumerate(tables(task.state.get("Retry"))):
        errors = tuple(names(entry.get("ErrorEquals")))
        if errors not in left:
            text = f"Retry[{number}] is for {', '.join(errors)}"
            hint = "retry, in this order: " + "; ".join(", ".join(group) for group in groups)
            found.add("S626", task.name, text, hint)
            continue
        del left[: left.index(errors) + 1]
        if task.call.claim and task.call.part in FORWARD and errors != THROTTLED:
            text = f"a claimed step is tried again after {', '.join(errors)}"
            hint = f"retry {', '.join(THROTTLED)} alone: after anything else it may have run"
            found.add("S626", task.name, text, hint)


def _check_catch(task: Task, found: Findings) -> None:
    caught = tuple(task.caught())
    if task.call.part in BEFORE | {Part.INPUT, Part.OPEN, Part.CLOSE} and caught != CAUGHT:
        text = f"a step before the point of no return catches {', '.join(caught) or 'nothing'}"
        found.add("S625", task.name, text, f"catch {', '.join(CAUGHT)}, in this order")
    if task.call.part in FAILING and "Catch" in task.state:
        text = f"a {task.call.part.value} step catches errors"
        hint = "let it fail in its Task: there a redrive goes on"
        found.add("S615", task.name, text, hint)
    if task.call.part in {Part.VERIFY, Part.UNANSWERED} and caught != ("Rejected",):
        text = f"a {task.call.part.value} call catches {', '.join(caught) or 'nothing'}"
        found.add("S615", task.name, text, "catch Rejected, and nothing else")


def _check_functions(tasks: list[Task], found: Findings) -> None:
    """What is pinned stays what it was; what may have to be mended is called by its alias."""
    steps = {task.call.step: task for task in tasks if task.call.part in FORWARD}
    for task in tasks:
        if task.call.part in MANY | {Part.INPUT, Part.ITEMS, Part.SETTLE}:
            continue  # any of the saga's functions can do it
        # The slot alone decides where there is no probe: its pivot's participant looks.
        asked = task if task.call.handler else steps.get(task.call.step, task)
        if not asked.call.handler and (asked.call.service or asked.call.part is Part.ADOPT):
            # Step Functions itself did the step, and any function can look.
            if not str(task.function).endswith(f"{live_name('')}}}"):
                text = f"a {task.call.part.value} call goes to {task.function!r}"
                found.add("S628", task.name, text, "call an alias: it may have to be mended")
            continue
        participant = asked.call.handler.partition(":")[0]
        name = function_name if task.call.part in BEFORE else live_name
        expected = f"${{{name(participant)}}}"
        if task.function != expected:
            text = f"a {task.call.part.value} call goes to {task.function!r}"
            hint = f"call {expected}: the version for steps up to the pivot, the alias for the rest"
            found.add("S628", task.name, text, hint)


def _check_books(tasks: list[Task], found: Findings) -> None:
    """One saga, one fingerprint, one slot for each outcome."""
    _check_one_saga(tasks, found)
    owners: dict[tuple[int, ...], Task] = {}
    steps = {task.call.step: task for task in tasks if task.call.part in FORWARD}
    for task in tasks:
        _check_places(task, steps, found)
        slot = task.call.slot
        if slot in owners and task.call.part is not Part.VERIFY:
            text = f"the slot {list(slot)} is that of {owners[slot].name!r}"
            found.add("S629", task.name, text, "give each outcome a slot of its own")
        if task.call.part is not Part.VERIFY:
            owners.setdefault(slot, task)


def _check_one_saga(tasks: list[Task], found: Findings) -> None:
    for field in ("saga", "fingerprint", "input"):
        values = {getattr(task.call, field): task.name for task in tasks}
        if len(values) > 1:
            name = list(values.values())[-1]
            text = f"{field} is not the same in all calls"
            found.add("S629", name, text, "compile the definition anew")


def _check_places(task: Task, steps: dict[str, Task], found: Findings) -> None:
    """The slots that a call names are those of the steps that it means."""
    call = task.call
    if not all(0 < part < FIRST_OPERATION_SLOT for part in call.slot):
        hint = f"slots of steps are above 0 and below {FIRST_OPERATION_SLOT}"
        found.add("S629", task.name, f"the slot is {list(call.slot)}", hint)
    step = steps.get(call.step)
    if call.part is Part.VERIFY and (
        step is None or step.call.part not in BEFORE or step.call.slot != call.slot
    ):
        hint = "give the slot of the step that it settles"
        found.add("S629", task.name, f"no step {call.step!r} has the slot {list(call.slot)}", hint)
    if call.part is Part.COMPENSATION and (step is None or step.call.slot != call.undoes):
        text = f"no step {call.step!r} has the slot {list(call.undoes or ())}"
        found.add("S629", task.name, text, "name the step that it undoes, and its slot")
    for source, slot in call.reads.items():
        if source not in steps or steps[source].call.slot != slot:
            text = f"it reads {source!r} in the slot {list(slot)}"
            found.add("S629", task.name, text, "give the slot of that step")


class _Order:
    """The order of steps and compensations, as the slots of a sequence say it."""

    def __init__(
        self,
        known: dict[str, dict[str, Any]],
        tasks: list[Task],
        start: Any,
        found: Findings,
    ) -> None:
        self.known, self.tasks, self.start, self.found = known, tasks, start, found
        self.forward = sorted(
            (task for task in tasks if task.call.part in FORWARD), key=lambda task: task.call.slot
        )
        self.undo = sorted(
            (task for task in tasks if task.call.part is Part.COMPENSATION),
            key=lambda task: task.call.undoes or (),
        )
        self.own = {task.call.step: task.name for task in self.undo}
        self.verify = {task.call.step: task for task in tasks if task.call.part is Part.VERIFY}
        self.record = next(
            (name for name, state in known.items() if state.get("Resource") == PUT_ITEM), None
        )

    def check(self) -> None:
        if not self.forward:
            return
        if self.start != self.forward[0].name:
            self._add("definition", f"StartAt is {self.start!r}", self.forward[0].name)
        befores = self._befores()
        retriable = False
        for number, task in enumerate(self.forward):
            later = self.forward[number + 1].name if number + 1 < len(self.forward) else None
            self._goes_on(task, later)
            self._marks(task, first=number == 0, last=later is None)
            if retriable and task.call.part is not Part.RETRIABLE:
                text = f"a {task.call.part.value} step stands behind the point of no return"
                hint = "after it there are retriable steps only"
                self.found.add("S630", task.name, text, hint)
            retriable = retriable or task.call.part in {Part.PIVOT, Part.RETRIABLE}
            if task.call.part in BEFORE:
                self._fails(task, befores[task.name], later, first=number == 0)
        self._chain(befores)

    def _befores(self) -> dict[str, str | None]:
        """For each forward step, where undoing begins when that step did nothing."""
        befores: dict[str, str | None] = {}
        before = self.record
        for task in self.forward:
            befores[task.name] = before
            before = self.own.get(task.call.step, before)
        return befores

    def _goes_on(self, task: Task, later: str | None) -> None:
        following = task.state.get("Next")
        if following != later:
            self._add(task.name, f"it goes on to {following!r}", later or "its End")

    def _fails(self, task: Task, before: str | None, later: str | None, *, first: bool) -> None:
        own = self.own.get(task.call.step)
        verify = self.verify.get(task.call.step)
        unknown = verify.name if verify else own or before
        # Of the first call only the input can be too large, and then nothing ran.
        too_large = before if first else unknown
        for error, expected in zip(CAUGHT, (before, too_large, unknown), strict=True):
            if error in task.caught():
                found = self._followed(task.caught()[error])
                if found != expected:
                    self._add(task.name, f"{error} leads to {found!r}", expected)
        if verify is None:
            if task.call.part is Part.PIVOT or later is None:
                text = "what is final where it is recorded is undone before its slot has decided"
                hint = f"let the unknown lead to `verify {task.call.step}`"
                self.found.add("S630", task.name, text, hint)
            return
        if self._followed(verify.state.get("Next")) != later:
            self._add(verify.name, f"it goes on to {verify.state.get('Next')!r}", later)
        self._settles(task, verify)
        self._marks(verify, first=first, last=later is None)
        rejected = self._followed(verify.caught().get("Rejected"))
        # What did not happen, says a probe or the lack of a claim, is not undone.
        sure = verify.call.handler or verify.call.claim
        expected = before if sure else own or before
        if rejected != expected:
            self._add(verify.name, f"Rejected leads to {rejected!r}", expected)
        self._waits(task, verify)

    def _settles(self, task: Task, verify: Task) -> None:
        """On the way forward the document holds step results only: the failure is settled."""
        done = self.forward[: self.forward.index(task) + 1]
        wanted = {f"{one.call.step}.$": f"$.{one.call.step}" for one in done}
        following = self.known.get(str(verify.state.get("Next")), {})
        if following.get("Type") != "Pass" or following.get("Parameters") != wanted:
            text = "what it goes on with is not the results alone"
            hint = "let a Pass with the results, and nothing else, come after it"
            self.found.add("S634", verify.name, text, hint)

    def _waits(self, step: Task, verify: Task) -> None:
        """A probe comes after the step's time is up; the slot alone may decide at once."""
        if not verify.call.handler and not verify.call.claim:
            return
        least = step.call.seconds + DISPATCH_SECONDS
        for name, state in self.known.items():
            ahead = [state.get("Next"), *(c.get("Next") for c in tables(state.get("Catch")))]
            seconds = state.get("Seconds")
            waited = state.get("Type") == "Wait" and isinstance(seconds, int) and seconds >= least
            if verify.name in ahead and not waited:
                text = f"{name!r} leads to the probe before the step's time is up"
                self.found.add("S633", verify.name, text, f"let a Wait of {least} s come before it")

    def _marks(self, task: Task, *, first: bool, last: bool) -> None:
        """What can be the first commit carries SagaStarted, the last one SagaCompleted."""
        for mark, wanted, given in (
            ("opens", first, task.call.opens),
            ("closes", last, task.call.closes),
        ):
            if wanted != given:
                hint = f"{'set' if wanted else 'leave out'} {mark}"
                self.found.add("S629", task.name, f"{mark} is {str(given).lower()}", hint)

    def _chain(self, befores: dict[str, str | None]) -> None:
        names_of = {task.call.step: task.name for task in self.forward}
        start = self.forward[0].call.step
        last = self.forward[-1].call.slot
        for task in reversed(self.undo):
            expected = befores.get(names_of.get(task.call.step, ""), self.record)
            following = task.state.get("Next")
            if following != expected:
                self._add(task.name, f"it goes on to {following!r}", expected)
            if task.call.slot <= last:
                text = f"the slot {list(task.call.slot)} comes before {list(last)}"
                hint = "slots of compensations count up in the order in which they run"
                self.found.add("S629", task.name, text, hint)
            last = max(last, task.call.slot)
            self._marks(task, first=task.call.step == start, last=False)

    def _followed(self, target: Any) -> Any:
        """The state that a target leads to: passes and waits on the way decide nothing."""
        seen = set()
        while isinstance(target, str) and target not in seen:
            seen.add(target)
            state = self.known.get(target, {})
            if state.get("Type") not in ("Pass", "Wait"):
                break
            target = state.get("Next")
        return target

    def _add(self, name: str, text: str, expected: str | None) -> None:
        hint = f"it must be {expected!r}" if expected else "there is no such state: compile anew"
        self.found.add("S630", name, text, hint)


def _check_record(known: dict[str, dict[str, Any]], tasks: list[Task], found: Findings) -> None:
    """S631: whatever can fail ends in one conditional record, and then in Fail."""
    records = [
        (name, state)
        for name, state in known.items()
        if state.get("Resource") == PUT_ITEM and (name in ENDS or not _of_service(name, state))
    ]
    ends = [one for one in records if "SagaCompensated" in str(one[1].get("Parameters"))]
    needed = any(task.call.part in BEFORE | {Part.INPUT} for task in tasks)
    allowed = (1, 2) if needed else (0,)  # a second one where the input may not fit
    if len(ends) not in allowed:
        hint = "record the end once, where something can be undone"
        found.add("S631", "definition", f"the end is recorded in {len(ends)} states", hint)
    for name, state in records:
        parameters = table(state.get("Parameters"))
        item = table(parameters.get("Item"))
        if parameters.get("ConditionExpression") != "attribute_not_exists(slot)":
            hint = 'give "ConditionExpression": "attribute_not_exists(slot)": slots are write-once'
            found.add("S631", name, "the put is not conditional", hint)
        if parameters.get("TableName") != f"${{{EVENT_TABLE}}}":
            hint = f"put it into ${{{EVENT_TABLE}}}"
            found.add("S631", name, f"the table is {parameters.get('TableName')!r}", hint)
        if set(item) != RECORD_FIELDS:
            odd = ", ".join(sorted(RECORD_FIELDS ^ set(item)))
            found.add(
                "S631", name, f"missing or unknown attributes: {odd}", "see docs/architecture.md"
            )
        for field, expected in _said(tasks[0].call if tasks else None).items():
            if item.get(field) != expected:
                text = f"its {field} is {item.get(field)!r}"
                found.add("S631", name, text, f"give {expected!r}")
        _check_end(name, state, known, found)


def _of_service(name: str, state: dict[str, Any]) -> bool:
    return is_action(state) or is_record(name, state)


def _said(call: Call | None) -> dict[str, Any]:
    """What the record says of its place in the log."""
    if call is None:
        return {}
    return {
        "stream_id": {"S.$": f"States.Format('{call.saga}#{{}}', $$.Execution.Name)"},
        "slot": {"S.$": f"States.Format('{{}}/{TERMINAL_SLOT}', $$.Execution.StartTime)"},
        "outcome": {"S": "ended"},
        "fingerprint": {"S": call.fingerprint},
    }


def _check_end(
    name: str, state: dict[str, Any], known: dict[str, dict[str, Any]], found: Findings
) -> None:
    catchers = tables(state.get("Catch"))
    final = [TAKEN, TOO_LARGE] if "SagaStarted" in str(state.get("Parameters")) else [TAKEN]
    if [catcher.get("ErrorEquals") for catcher in catchers] != [[error] for error in final]:
        hint = f"catch {', '.join(final)}, and nothing else: who comes second finds it done"
        found.add("S615", name, "the record catches something else", hint)
    first = table((tables(state.get("Retry")) or [{}])[0])
    if first.get("ErrorEquals") != final or first.get("MaxAttempts") != 0:
        hint = f"begin Retry with {', '.join(final)} and MaxAttempts 0"
        found.add("S626", name, "what cannot change would be tried again", hint)
    for catcher in catchers[1:]:
        brief = known.get(str(catcher.get("Next")), {})
        if brief.get("Resource") != PUT_ITEM or "SagaStarted" in str(brief.get("Parameters")):
            hint = "let it lead to a record without the input"
            found.add("S631", name, f"too large, it leads to {catcher.get('Next')!r}", hint)
    for target in (state.get("Next"), *(catcher.get("Next") for catcher in catchers[:1])):
        end = known.get(target, {}) if isinstance(target, str) else {}
        if "SagaCompleted" in str(state.get("Parameters")):
            if target is not None and end.get("Type") != "Succeed":
                found.add("S631", name, f"it leads to {target!r}", "end there, or in a Succeed")
            continue
        if end.get("Type") != "Fail" or end.get("Error") != UNDONE:
            hint = f"end in a Fail state with the error {UNDONE}"
            found.add("S631", name, f"it leads to {target!r}", hint)
