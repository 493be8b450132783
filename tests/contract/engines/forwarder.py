"""A function for Lambda that lets an Invoke endpoint answer: ``bootstrap`` of a custom runtime.

A script of its own, run by a bare interpreter, so that a cold start takes no time: it takes an
event from Lambda's Runtime API, invokes the function that ``FORWARD_TO`` names, and reports what
that answers, an error with its name and its whole cause. An answer that tells of a process that
died kills this one. Where none comes it waits, until Lambda ends it. Imports the standard library
only.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import os
import sys
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

DIED = "Runtime.ExitError"
OK = 200


def main() -> None:
    """Forward events, one after the other, for ever."""
    runtime = HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    target = urlsplit(os.environ["FORWARD_TO"])
    functions = HTTPConnection(target.netloc)
    while True:
        event, body = asked(runtime, "GET", "/2018-06-01/runtime/invocation/next")
        if event.status != OK:
            return
        answer, said = asked(functions, "POST", target.path, body)
        outcome, said = told(answer, said)
        # MiniStack looks for a line in the log, and waits for one where there is none.
        sys.stdout.write(f"{outcome}\n")
        sys.stdout.flush()
        request = event.headers["Lambda-Runtime-Aws-Request-Id"]
        asked(runtime, "POST", f"/2018-06-01/runtime/invocation/{request}/{outcome}", said)


def asked(
    server: HTTPConnection, method: str, path: str, body: bytes | None = None
) -> tuple[HTTPResponse, bytes]:
    """A reply, and what is in it."""
    server.request(method, path, body)
    reply = server.getresponse()
    return reply, reply.read()


def told(answer: HTTPResponse, body: bytes) -> tuple[str, bytes]:
    """What the Runtime API is told: ``response`` or ``error``, and its body."""
    if answer.status != OK:
        raise SystemExit(f"no function answers: {answer.status} {body.decode()}")
    if answer.headers["X-Amz-Function-Error"] is None:
        return "response", body
    error = json.loads(body) or {}  # nothing is known of an error whose reply was lost
    if error.get("errorType") == DIED:
        os._exit(1)
    return "error", json.dumps(error).encode()


if __name__ == "__main__":
    main()
