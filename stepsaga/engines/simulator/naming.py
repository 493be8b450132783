"""Names of machines and executions, and their ARNs.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
"""

from __future__ import annotations

import re
from typing import Final

from stepsaga.errors import EngineError

ACCOUNT: Final = "000000000000"
REGION: Final = "us-east-1"
ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/simulator"

_LONGEST: Final = 80
_FORBIDDEN: Final = re.compile(r"""[\s?*<>{}\[\]"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]""")


def check_name(what: str, name: str) -> None:
    """Step Functions' rules for names.

    Raises:
        EngineError: The name is empty, too long, or holds a character that is not allowed.
    """
    if not 1 <= len(name) <= _LONGEST:
        raise EngineError(
            f"InvalidName: {what} {name!r}: a name has 1 to {_LONGEST} characters, got {len(name)}"
        )
    if bad := _FORBIDDEN.search(name):
        raise EngineError(
            f"InvalidName: {what} {name!r}: {bad[0]!r} is not allowed; use letters, digits,"
            " '-' and '_'"
        )


def machine_arn(machine: str) -> str:
    """The ARN of a state machine."""
    return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{machine}"


def execution_arn(machine: str, name: str) -> str:
    """The ARN of an execution."""
    return f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{machine}:{name}"


def machine_and_name(arn: str) -> tuple[str, str]:
    """The machine and the name in the ARN of an execution."""
    _, machine, name = arn.rsplit(":", 2)
    return machine, name


def map_run_arn(machine: str, label: str, unique: str) -> str:
    """The ARN of one run of a distributed Map."""
    return f"arn:aws:states:{REGION}:{ACCOUNT}:mapRun:{machine}/{label}:{unique}"
