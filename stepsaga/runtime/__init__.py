"""What runs inside Lambda: it takes a call, runs its handler, and commits the outcome.

``stepsaga.runtime.handler`` is the one entry point of every participant's Lambda function.
"""

from __future__ import annotations

from stepsaga.runtime.context import SagaContext
from stepsaga.runtime.lambda_entry import handler
from stepsaga.runtime.participant import Participant
from stepsaga.runtime.runtime import Runtime
from stepsaga.runtime.sensitive import Sensitive

__all__ = ["Participant", "Runtime", "SagaContext", "Sensitive", "handler"]
