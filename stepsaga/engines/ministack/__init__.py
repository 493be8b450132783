"""The whole stack on one machine: MiniStack, the real ``sam build`` and ``sam deploy``.

MiniStack and SAM CLI live in environments of their own, whose pins do not go together with anything
else's; they are run as processes. `stepsaga.engines.ministack.server` starts and ends MiniStack,
`stepsaga.engines.ministack.stage` makes the built template runnable on it,
`stepsaga.engines.ministack.deployment` builds and deploys.
"""

from __future__ import annotations
