"""Start sagas and look at them from outside: a shop's web server, a script, the command line.

`client` has the client, `stack` finds what is deployed, `status` tells how a saga is doing,
`inputs` brings inputs into the one form in which they are sent and compared, `answers` answers to
what sagas ask.
"""

from __future__ import annotations

from stepsaga.client.answers import Waiting
from stepsaga.client.client import Client, Started, default_client
from stepsaga.client.status import SagaStatus

__all__ = ["Client", "SagaStatus", "Started", "Waiting", "default_client"]
