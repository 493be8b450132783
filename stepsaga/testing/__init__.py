"""For tests of one's own sagas: the pytest fixtures ``saga`` and ``verify_saga``, and their types.

pytest imports the plugin in every run, so what the plugin does not need is loaded on demand.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepsaga.engines.endings import Ending
    from stepsaga.engines.events import Arrival
    from stepsaga.testing.runner import REJECT, SagaRun, SagaRunner
    from stepsaga.testing.stack import tables_only
    from stepsaga.testing.verifier import LawBroken, SagaVerifier

__all__ = [
    "REJECT",
    "Arrival",
    "Ending",
    "LawBroken",
    "SagaRun",
    "SagaRunner",
    "SagaVerifier",
    "tables_only",
]
_RUNNER = "stepsaga.testing.runner"
_MODULES = {
    "Arrival": "stepsaga.engines.events",
    "LawBroken": "stepsaga.testing.verifier",
    "SagaVerifier": "stepsaga.testing.verifier",
    "tables_only": "stepsaga.testing.stack",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES.get(name, _RUNNER)), name)
