"""Logs, traces and metrics by Powertools for AWS Lambda. Imported at a function's first call."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, Final

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from stepsaga.runtime.observer import LANDED_LATE

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from stepsaga.runtime.call import Call
    from stepsaga.runtime.observer import Report

NAMESPACE: Final = "stepsaga"
"""Of the metrics."""

_EXPECTED: Final = frozenset(
    {"completed", "adopted", "asked", "compensated", "nothing to undo", "Rejected"}
)
_HOPELESS: Final = frozenset({"StepFailedForGood", "BadCall", LANDED_LATE})


class PowertoolsObserver:
    """One line of log, one subsegment and one count for each call.

    The saga's ids are on every line that is logged during the call, also by a ``Logger()`` of the
    author's with the same service. Nothing here is a value of the saga.

    Args:
        participant: The service's name in logs, traces and metrics.
        stream: Where the log goes; standard output by default.
        recorder: Makes subsegments; X-Ray's by default, which is off outside Lambda.
    """

    def __init__(
        self, participant: str, *, stream: IO[str] | None = None, recorder: Any = None
    ) -> None:
        self._logger = Logger(service=participant, stream=stream)
        # Patching every client would cost more than a call does; authors who want it can.
        tracer = Tracer(service=participant, auto_patch=False)
        self._recorder = tracer.provider if recorder is None else recorder
        self._metrics = EphemeralMetrics(namespace=NAMESPACE, service=participant)
        self._subsegment: AbstractContextManager[Any] | None = None
        self._segment: Any = None
        self._keys: list[str] = []

    def began(self, call: Call, context: Any) -> None:
        """Put the saga's ids on every line, and on a subsegment."""
        ids = _ids(call)
        keys = {
            **ids,
            "correlation_id": call.execution.name,
            "execution": call.execution.id,
            "function_request_id": getattr(context, "aws_request_id", None),
        }
        self._logger.append_keys(**keys)
        self._keys = list(keys)
        self._subsegment = self._recorder.in_subsegment(name=f"## {call.label}")
        self._segment = self._subsegment.__enter__()
        for name, value in ids.items():
            self._segment.put_annotation(key=name, value=value)

    def ended(self, call: Call | None, report: Report) -> None:
        """Close the subsegment, count the outcome, and log it in one line."""
        try:
            self._close(report)
            self._count(call, report)
        finally:
            self._log(report)
            self._logger.remove_keys(self._keys)
            self._keys = []

    def _close(self, report: Report) -> None:
        subsegment, self._subsegment = self._subsegment, None
        if subsegment is not None:
            self._segment.put_annotation(key="outcome", value=report.outcome)
            subsegment.__exit__(None, None, None)

    def _count(self, call: Call | None, report: Report) -> None:
        if call is not None:
            self._metrics.add_dimension(name="saga", value=call.saga)
        name = "".join(word[0].upper() + word[1:] for word in report.outcome.split())
        self._metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)
        self._metrics.flush_metrics()

    def _log(self, report: Report) -> None:
        if report.outcome in _EXPECTED:
            log = self._logger.info
        else:
            log = self._logger.error if report.outcome in _HOPELESS else self._logger.warning
        extra: dict[str, Any] = {"outcome": report.outcome}
        if report.message:
            extra |= {"error": report.message, "trace": list(report.trace)}
        log("the call ended", extra=extra)


def _ids(call: Call) -> dict[str, Any]:
    return {
        "saga": call.saga,
        "saga_id": call.execution.name,
        "step": call.step,
        "part": call.part.value,
        "attempt": call.state.attempt,
        "slot": call.address(call.slot),
    }
