"""Good definitions with one thing wrong, and who refuses each."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl import build
from stepsaga.asl.retriers import TRANSIENT
from stepsaga.asl.states import ASK
from tests.asl.golden_sagas import SAGAS

if TYPE_CHECKING:
    from collections.abc import Callable

BASE: Final = "pivot_in_the_middle"


@dataclass(frozen=True)
class Mutation:
    """One change of a definition.

    ``refused`` names the checkers that refuse it: "schema", "E3601", and codes of our own rules.
    """

    name: str
    change: Callable[[dict[str, Any]], None]
    refused: frozenset[str]
    base: str = BASE

    def text(self) -> str:
        """The text of the changed definition."""
        definition = deepcopy(dict(build(SAGAS[self.base]).definition))
        before = json.dumps(definition)
        self.change(definition)
        text = json.dumps(definition, indent=1, ensure_ascii=False) + "\n"
        assert json.loads(text) != json.loads(before), "a mutation changes something"
        return text


def _put(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(definition: dict[str, Any]) -> None:
        at: Any = definition
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value

    return change


def _drop(*path: Any) -> Callable[[dict[str, Any]], None]:
    def change(definition: dict[str, Any]) -> None:
        at: Any = definition
        for key in path[:-1]:
            at = at[key]
        del at[path[-1]]

    return change


def _rename(old: str, new: str) -> Callable[[dict[str, Any]], None]:
    """Rename a state and everything that names it."""

    def change(definition: dict[str, Any]) -> None:
        text = json.dumps(definition["States"]).replace(f'"{old}"', json.dumps(new))
        definition["States"] = json.loads(text)

    return change


def _swap_catchers(definition: dict[str, Any]) -> None:
    catchers = definition["States"]["charge"]["Catch"]
    catchers[1], catchers[2] = catchers[2], catchers[1]


def _reorder_undo(definition: dict[str, Any]) -> None:
    states = definition["States"]
    states["charge"]["Catch"][1]["Next"] = states["charge"]["Catch"][2]["Next"] = "undo reserve"
    states["undo reserve"]["Next"] = "undo charge"
    states["undo charge"]["Next"] = "record the end"


def _loop(definition: dict[str, Any]) -> None:
    del definition["States"]["thank"]["End"]
    definition["States"]["thank"]["Next"] = "thank"


def _cut_off(definition: dict[str, Any]) -> None:
    definition["States"]["aside"] = {"Type": "Pass", "Next": "thank"}


def _many_retriers(definition: dict[str, Any]) -> None:
    definition["States"]["charge"]["Retry"].insert(0, {"ErrorEquals": ["States.ALL"]})


def _same_name_inside(definition: dict[str, Any]) -> None:
    inner = {"StartAt": "thank", "States": {"thank": {"Type": "Succeed"}}}
    definition["States"]["fork"] = {"Type": "Parallel", "Branches": [inner], "Next": "thank"}
    definition["States"]["ship"]["Next"] = "fork"


def _target_inside(definition: dict[str, Any]) -> None:
    inner = {"StartAt": "a", "States": {"a": {"Type": "Pass", "Next": "thank"}}}
    definition["States"]["fork"] = {"Type": "Parallel", "Branches": [inner], "Next": "thank"}
    definition["States"]["ship"]["Next"] = "fork"


def _payload(key: str, value: Any, state: str = "charge") -> Callable[[dict[str, Any]], None]:
    return _put("States", state, "Parameters", "Payload", key, value=value)


def _undo_at_once(definition: dict[str, Any]) -> None:
    for catcher in definition["States"]["ship"]["Catch"][1:]:
        catcher["Next"] = "undo ship"


def _forget_the_compensation(definition: dict[str, Any]) -> None:
    definition["States"]["verify ship"]["Catch"][0]["Next"] = "undo reserve"


_SEQUENCE: Final = [
    Mutation(name, change, frozenset(refused.split()))
    for name, change, refused in [
        ("unknown_target", _put("States", "charge", "Next", value="nowhere"), "S603 S604 S630"),
        ("unknown_start", _put("StartAt", value="nowhere"), "E3601 S603 S604 S630"),
        (
            "unknown_catch_target",
            _put("States", "charge", "Catch", 0, "Next", value="nowhere"),
            "S603 S630",
        ),
        ("target_in_another_block", _target_inside, "S603 S605"),
        ("unreachable_state", _cut_off, "S604"),
        ("no_way_out", _loop, "S605 S630"),
        ("neither_next_nor_end", _drop("States", "charge", "Next"), "schema E3601 S604 S606 S630"),
        ("both_next_and_end", _put("States", "charge", "End", value=True), "schema E3601 S606"),
        ("end_is_false", _put("States", "thank", "End", value=False), "schema E3601 S602 S605"),
        (
            "unknown_type",
            _put("States", "charge", "Type", value="Tusk"),
            "schema E3601 S602 S612 S629 S630 S634",
        ),
        ("unknown_field", _put("States", "charge", "Timeout", value=5), "schema E3601 S601"),
        (
            "field_of_another_type",
            _put("States", "undo charge", "Seconds", value=5),
            "schema E3601 S601",
        ),
        ("no_states", _put("States", value={}), "E3601 S602 S603"),
        ("states_all_first", _swap_catchers, "S607 S608 S625"),
        (
            "states_all_in_company",
            _put("States", "charge", "Catch", 2, "ErrorEquals", value=["States.ALL", "Rejected2"]),
            "S607 S625",
        ),
        ("retry_everything", _many_retriers, "S607 S626"),
        ("no_data_limit_catcher", _drop("States", "charge", "Catch", 1), "S608 S625"),
        ("no_rejected_catcher", _drop("States", "charge", "Catch", 0), "S625"),
        ("no_catch", _drop("States", "charge", "Catch"), "S625"),
        (
            "retry_of_rejected",
            _put("States", "charge", "Retry", 2, "ErrorEquals", 0, value="Rejected"),
            "S626",
        ),
        (
            "catch_runtime",
            _put("States", "charge", "Catch", 0, "ErrorEquals", value=["States.Runtime"]),
            "S613 S625",
        ),
        (
            "unknown_resource",
            _put("States", "charge", "Resource", value="arn:aws:states:::glue:startJobRun"),
            "S609 S612 S629 S630 S634",
        ),
        ("no_timeout", _drop("States", "charge", "TimeoutSeconds"), "S614 S632"),
        ("timeout_without_margin", _put("States", "charge", "TimeoutSeconds", value=20), "S632"),
        (
            "timeout_zero",
            _put("States", "charge", "TimeoutSeconds", value=0),
            "schema E3601 S621 S632",
        ),
        ("interval_zero", _put("States", "charge", "Retry", 0, "IntervalSeconds", value=0), "S621"),
        (
            "attempts_below_zero",
            _put("States", "charge", "Retry", 0, "MaxAttempts", value=-1),
            "schema S621",
        ),
        (
            "backoff_below_one",
            _put("States", "charge", "Retry", 0, "BackoffRate", value=0.5),
            "S621",
        ),
        (
            "delay_over_a_year",
            _put("States", "charge", "Retry", 0, "MaxDelaySeconds", value=31_622_401),
            "S621",
        ),
        (
            "jitter_half",
            _put("States", "charge", "Retry", 0, "JitterStrategy", value="HALF"),
            "S602",
        ),
        (
            "two_waits",
            _put("States", "ship in doubt", "Timestamp", value="2026-11-21T08:00:00Z"),
            "S622",
        ),
        ("no_wait", _drop("States", "ship in doubt", "Seconds"), "S622 S633"),
        (
            "wait_too_long",
            _put("States", "ship in doubt", "Seconds", value=100_000_000),
            "schema E3601 S621",
        ),
        ("probe_too_early", _put("States", "ship in doubt", "Seconds", value=20), "S633"),
        (
            "cause_of_the_failure",
            _put("States", "saga compensated", "CausePath", value="$.failure.Cause"),
            "S612",
        ),
        ("redrive_count", _payload("attempt.$", "$$.Execution.RedriveCount"), "S612 S624"),
        (
            "later_result",
            _put("States", "charge", "ResultSelector", value={"value.$": "$.ship.value"}),
            "S612 S634",
        ),
        (
            "first_keeps_the_input",
            _put("States", "reserve", "ResultPath", value="$.reserve"),
            "S612 S634",
        ),
        (
            "no_path",
            _put("States", "charge", "ResultSelector", value={"value.$": "$.Payload..value"}),
            "S611 S634",
        ),
        (
            "wildcard_result_path",
            _put("States", "charge", "ResultPath", value="$[*].charge"),
            "S611 S612 S634",
        ),
        (
            "context_result_path",
            _put("States", "charge", "ResultPath", value="$$.charge"),
            "S611 S612 S634",
        ),
        (
            "unknown_intrinsic",
            _put("States", "saga compensated", "CausePath", value="States.Upper($.failure)"),
            "S610",
        ),
        (
            "intrinsic_without_its_value",
            _put(
                "States", "saga compensated", "CausePath", value="States.Format('{} {}', $.failure)"
            ),
            "S610",
        ),
        (
            "parsed_cause",
            _put("States", "saga compensated", "CausePath", value="States.StringToJson($.failure)"),
            "S612",
        ),
        ("path_taken_literally", _payload("execution", "$$.Execution"), "S623"),
        ("jsonata", _put("QueryLanguage", value="JSONata"), "E3601 S618"),
        ("assign", _put("States", "charge", "Assign", value={"paid.$": "$.Payload"}), "S618"),
        (
            "reserved_error",
            _put("States", "saga compensated", "Error", value="States.SagaCompensated"),
            "S613 S631",
        ),
        ("long_name", _rename("undo charge", "undo " + "c" * 80), "schema E3601 S616"),
        ("odd_name", _rename("undo charge", "undo <charge>"), "S616"),
        ("name_twice", _same_name_inside, "S617"),
        (
            "unknown_substitution",
            _put("States", "charge", "Parameters", "FunctionName", value="${Paiments}"),
            "S619 S628",
        ),
        (
            "substitution_in_a_comment",
            _put("States", "charge", "Comment", value="costs ${Price}"),
            "S619",
        ),
        (
            "alias_for_a_step",
            _put("States", "charge", "Parameters", "FunctionName", value="${PaymentsLive}"),
            "S628",
        ),
        (
            "version_for_a_compensation",
            _put("States", "undo charge", "Parameters", "FunctionName", value="${Payments}"),
            "S628",
        ),
        (
            "caught_compensation",
            _put(
                "States",
                "undo charge",
                "Catch",
                value=[{"ErrorEquals": ["States.DataLimitExceeded"], "Next": "undo reserve"}],
            ),
            "S612 S615",
        ),
        (
            "caught_tail",
            _put(
                "States",
                "thank",
                "Catch",
                value=[{"ErrorEquals": ["Rejected"], "Next": "undo reserve"}],
            ),
            "S612 S615",
        ),
        (
            "probe_catches_timeouts",
            _put("States", "verify ship", "Catch", 0, "ErrorEquals", value=["States.Timeout"]),
            "S615 S630",
        ),
        (
            "compensation_skipped",
            _put("States", "charge", "Catch", 2, "Next", value="undo reserve"),
            "S630",
        ),
        (
            "compensation_of_the_rejected",
            _put("States", "charge", "Catch", 0, "Next", value="undo charge"),
            "S630",
        ),
        ("compensations_in_order", _reorder_undo, "S630"),
        (
            "undone_after_the_pivot",
            _put("States", "undo charge", "Next", value="record the end"),
            "S630",
        ),
        ("slot_twice", _payload("slot", [1]), "S624 S629 S634"),
        ("slot_of_another_step", _payload("undoes", [1], "undo charge"), "S629"),
        ("unknown_part", _payload("part", "optional"), "S624 S629 S630 S634"),
        ("compensation_with_the_document", _payload("results.$", "$", "undo charge"), "S624"),
        ("never_opened", _drop("States", "reserve", "Parameters", "Payload", "opens"), "S629"),
        ("never_closed", _drop("States", "thank", "Parameters", "Payload", "closes"), "S629"),
        (
            "unconditional_record",
            _drop("States", "record the end", "Parameters", "ConditionExpression"),
            "S631",
        ),
        ("record_tried_for_ever", _drop("States", "record the end", "Retry", 0), "S626"),
        (
            "result_elsewhere",
            _put("States", "charge", "ResultPath", value="$.reserve"),
            "S612 S634",
        ),
        (
            "failure_replaces_the_results",
            _drop("States", "ship", "Catch", 2, "ResultPath"),
            "S612 S634",
        ),
        ("result_of_a_compensation", _drop("States", "undo charge", "ResultPath"), "S612 S634"),
        (
            "record_in_another_slot",
            _put("States", "record the end", "Parameters", "Item", "slot", value={"S": "99999"}),
            "S631",
        ),
        (
            "end_without_record",
            _put("States", "undo reserve", "Next", value="saga compensated"),
            "S630",
        ),
    ]
]


def _retry_all_the_same(definition: dict[str, Any]) -> None:
    """Let a claimed step be tried again where its function may have run."""
    retry = {"ErrorEquals": list(TRANSIENT), "MaxAttempts": 6, "JitterStrategy": "FULL"}
    definition["States"]["reserve"]["Retry"].append(retry)


_ASKS: Final = [
    Mutation(name, change, frozenset(refused.split()), "asks")
    for name, change, refused in [
        (
            "question_that_does_not_wait",
            _put("States", "pickup", "Resource", value="arn:aws:states:::lambda:invoke"),
            "S609 S612",
        ),
        (
            "step_that_waits",
            _put("States", "charge", "Resource", value=ASK),
            "S609 S612",
        ),
        (
            "token_of_ones_own",
            _put("States", "pickup", "Parameters", "Payload", "token.$", value="$.charge.value"),
            "S624",
        ),
        (
            "question_without_a_token",
            _drop("States", "pickup", "Parameters", "Payload", "token.$"),
            "S624 S628",
        ),
        ("heartbeat_too_late", _put("States", "pickup", "HeartbeatSeconds", value=86_400), "S632"),
        (
            "asked_again_when_time_is_up",
            _put("States", "pickup", "Retry", 2, "ErrorEquals", value=["States.Timeout"]),
            "S626",
        ),
        ("rejection_uncaught", _drop("States", "pickup", "Catch", 0), "S625"),
        (
            "answer_undone",
            _put("States", "pickup unanswered", "Catch", 0, "ErrorEquals", value=["StepFailed"]),
            "S615",
        ),
        (
            "unanswered_on_a_version",
            _put(
                "States",
                "pickup unanswered",
                "Parameters",
                "FunctionName",
                value="${Payments}",
            ),
            "S628",
        ),
    ]
]

MUTATIONS: Final = [
    *_SEQUENCE,
    *_ASKS,
    Mutation(
        "pivot_undone_at_once",
        _undo_at_once,
        frozenset({"S604", "S630"}),
        "pivot_with_compensation",
    ),
    Mutation(
        "pivot_never_undone",
        _forget_the_compensation,
        frozenset({"S604", "S630"}),
        "pivot_with_compensation",
    ),
    Mutation(
        "reads_another_slot",
        _payload("reads", {"reserve": [3]}, "undo charge"),
        frozenset({"S629"}),
        "takes",
    ),
    Mutation(
        "claimed_and_retried",
        _retry_all_the_same,
        frozenset({"S626"}),
        "claimed",
    ),
    Mutation(
        "settled_too_early",
        _put("States", "reserve in doubt", "Seconds", value=34),
        frozenset({"S633"}),
        "claimed",
    ),
    Mutation(
        "undone_what_did_not_happen",
        _put("States", "verify charge", "Catch", 0, "Next", value="undo charge"),
        frozenset({"S630"}),
        "claimed",
    ),
    *(
        Mutation(f"service_{name}", change, frozenset(refused.split()), "serves")
        for name, change, refused in (
            ("unrecorded", _put("States", "tell", "Next", value="begin"), "S604 S630"),
            ("uncaught", _drop("States", "tell", "Catch"), "S625"),
            (
                "retried_by_name",
                _put("States", "tell", "Retry", 0, "ErrorEquals", value=["SQS.Odd"]),
                "S626",
            ),
            ("result_elsewhere", _put("States", "tell", "ResultPath", value="$"), "S634 S612"),
            (
                "unconditional",
                _drop("States", "record tell", "Parameters", "ConditionExpression"),
                "S631",
            ),
            (
                "sealed_by_itself",
                _put("States", "record tell", "Parameters", "Item", "outcome", "S", value="sealed"),
                "S631",
            ),
            (
                "slot_of_another",
                _put(
                    "States",
                    "record tell",
                    "Parameters",
                    "Item",
                    "slot",
                    "S.$",
                    value="States.Format('{}/00003', $$.Execution.StartTime)",
                ),
                "S629",
            ),
            (
                "taken_and_gone_on",
                _put("States", "record tell", "Catch", 0, "Next", value="begin"),
                "S630 S604",
            ),
            ("adopted_elsewhere", _put("States", "adopt tell", "Next", value="ship"), "S612 S630"),
            (
                "filled_in_a_text",
                _put("States", "tell", "Parameters", "MessageBody", "key", value="a ${Parcels}"),
                "S619 S623",
            ),
        )
    ),
    Mutation(
        "effect_after_the_pivot",
        _payload("part", "compensatable", "thank"),
        frozenset({"S625", "S628", "S630"}),
    ),
]
"""At least one for each code that a change of a definition can give."""
