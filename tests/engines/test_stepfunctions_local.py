from __future__ import annotations

import json
import re
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from botocore.exceptions import ClientError

from stepsaga.engines.docker import Ran
from stepsaga.engines.functions import FunctionError
from stepsaga.engines.stepfunctions_local import (
    VARIABLES,
    Servers,
    StepFunctionsLocal,
    StepFunctionsLocalEngine,
    given_servers,
)
from stepsaga.errors import EngineError, EngineUnreachable, UsageError
from tests.contract.engines.cases import SAGAS, machine, task
from tests.contract.engines.graphs import TABLE, compiled
from tests.contract.engines.moto_engine import MotoEngine
from tests.contract.engines.scripts import Company, Fails
from tests.engines.dockers import DOWN, Docker
from tests.engines.test_invoke_endpoint import Called
from tests.engines.test_stepfunctions import Clock, Fake

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE = Path("any.compose.yaml")
ROLE = "arn:aws:iam::123456789012:role/any"
PASS = {"Type": "Pass", "End": True}


class ByInvoke:
    """Functions that are invoked by boto3's Lambda client, as Step Functions Local does."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def invoke(self, function: str, payload: Any) -> Any:
        """Invoke, and take the header and the body apart."""
        reply = self.client.invoke(FunctionName=function, Payload=json.dumps(payload))
        with reply["Payload"] as stream:
            body = stream.read()
        if "FunctionError" in reply:
            raise FunctionError(json.loads(body)["errorType"], body.decode())
        return json.loads(body)


@pytest.fixture
def stand_in() -> Iterator[MotoEngine]:
    """Moto's server, which stands in for both of AWS's."""
    with MotoEngine(Called()) as engine:
        yield engine


def environment(url: str, port: int = 0) -> dict[str, str]:
    """An environment that names servers; port 0 lets the endpoint choose."""
    return dict(zip(VARIABLES, (url, url, str(port)), strict=True))


def test_a_saga_runs_through_the_invoke_endpoint(stand_in: MotoEngine) -> None:
    """Start, handlers by HTTP, compensations, the record of the end: on servers that are named."""
    local = StepFunctionsLocal(table=TABLE, environment=environment(stand_in.endpoint))
    with local:
        company = Company(local.store, {"ship": [Fails("Rejected", "zu schwer")]})
        local.functions = company
        stand_in.functions = ByInvoke(local.client("lambda"))
        local.engine.create("Errand", compiled(SAGAS["three"]))
        arn = local.engine.start("Errand", {"ä": 1}, name="errand-1")
        view = local.engine.wait(arn)
        assert (view.status, view.error) == ("FAILED", "SagaCompensated")
        assert [call.state for call in company.invocations] == [
            "reserve", "charge", "ship", "undo charge", "undo reserve",
        ]  # fmt: skip
        assert [call.function for call in company.invocations][:4] == ["shop:1"] * 3 + ["shop:live"]
        [end] = local.store.read("Errand#errand-1")
        assert (end.outcome, end.causation_id) == ("ended", arn)
        assert "zu schwer" in end.events[-1].data["Cause"]
        clean_up(local, arn, TABLE)


def clean_up(local: StepFunctionsLocal, arn: str, table: str = "events") -> None:
    """Leave no machine and no table: moto's servers of one process share what they hold."""
    machine_arn = arn.rpartition(":")[0].replace(":execution:", ":stateMachine:")
    local.client("stepfunctions").delete_state_machine(stateMachineArn=machine_arn)
    local.client("dynamodb").delete_table(TableName=table)


def test_a_table_that_is_there_is_used(stand_in: MotoEngine) -> None:
    """Servers that run already may have the table; nothing of theirs is removed."""
    given = environment(stand_in.endpoint)
    for _ in range(2):
        with StepFunctionsLocal(table="events-of-others", environment=given) as local:
            assert list(local.store.read("nothing")) == []
    tables = stand_in.client("dynamodb")
    assert "events-of-others" in tables.list_tables()["TableNames"]
    tables.delete_table(TableName="events-of-others")
    tables.close()


def test_without_functions_there_are_none(stand_in: MotoEngine) -> None:
    """Until functions are set, each of them is one that is not there."""
    with StepFunctionsLocal(environment=environment(stand_in.endpoint)) as local:
        with pytest.raises(ClientError, match="no functions are set"):
            local.client("lambda").invoke(FunctionName="payments", Payload=b"{}")
        local.client("dynamodb").delete_table(TableName="events")


def test_clients_are_of_three_services(stand_in: MotoEngine) -> None:
    """Another service is refused by name, and so is everything when nothing is open."""
    local = StepFunctionsLocal(environment=environment(stand_in.endpoint))
    with pytest.raises(UsageError, match="it is not open"):
        local.client("dynamodb")
    with local:
        with pytest.raises(UsageError, match="no 's3' here; there are: dynamodb, lambda, stepf"):
            local.client("s3")
        local.client("dynamodb").delete_table(TableName="events")
    with pytest.raises(UsageError, match="it is not open"):
        local.client("dynamodb")


def test_servers_by_environment() -> None:
    """All three variables, or none; what is missing or no port is named."""
    given = environment("http://x", 8084)
    assert given_servers(given) == Servers("http://x", "http://x", 8084)
    assert given_servers({"PATH": "x"}) is None
    for name in VARIABLES:
        with pytest.raises(UsageError, match=f"missing: {name}"):
            given_servers({**given, name: ""})
    with pytest.raises(UsageError, match="must be a port, got 'x'"):
        given_servers({**given, VARIABLES[2]: "x"})


def test_no_engine_is_a_reason() -> None:
    """Without an engine nothing is started, and the error is the reason."""
    docker = Docker({"version": DOWN})
    local = StepFunctionsLocal(compose_file=FILE, environment={}, run=docker)
    with pytest.raises(EngineUnreachable, match="no Docker engine answers: Cannot connect"), local:
        pass
    assert not docker.told("up")
    assert not docker.told("down")


def test_a_start_needs_a_compose_file() -> None:
    """Where nothing runs and nothing can be started, the error says what to give."""
    local = StepFunctionsLocal(environment={}, run=Docker())
    with pytest.raises(UsageError, match="give compose_file, or name servers"), local:
        pass


def started(docker: Docker, **options: Any) -> tuple[StepFunctionsLocal, Clock]:
    """Servers that Docker starts, with a clock that is ours."""
    clock = Clock()
    local = StepFunctionsLocal(
        compose_file=FILE,
        environment={},
        run=docker,
        clock=clock.read,
        **{"system": "Linux", "patience": 3, "sleep": clock.sleep, **options},
    )
    return local, clock


def test_a_bounded_wait_ends_with_the_logs() -> None:
    """Servers that never answer are given up after the patience, told with their last words."""
    docker = Docker({"logs": Ran(0, "java: no memory")})
    local, clock = started(docker)
    with pytest.raises(EngineUnreachable, match=r"(?s)answer after 3 s.*java: no memory"), local:
        pass
    assert clock.now == pytest.approx(3)
    assert docker.told("down") == [docker.asked[-1]]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("when", ["up", "wait"])
def test_what_was_started_is_removed(when: str, error: type[BaseException]) -> None:
    """A start that is broken off, by Ctrl-C too, leaves nothing behind."""

    def broken_off(*_: float) -> Ran:
        raise error

    docker = Docker({"up": broken_off} if when == "up" else {})
    local, _ = started(docker, **({"sleep": broken_off} if when == "wait" else {}))
    with pytest.raises(error), local:
        pass
    [up], [down] = docker.told("up"), docker.told("down")
    assert up[:8] == down[:8]


@pytest.mark.parametrize(
    ("system", "profile"), [("Linux", "linux"), ("Darwin", "desktop"), ("Windows", "desktop")]
)
def test_ports_are_free_and_told(system: str, profile: str) -> None:
    """The project gets ports that differ, the Invoke endpoint's own among them, and a profile."""
    docker = Docker()
    local, _ = started(docker, system=system)
    with pytest.raises(EngineUnreachable) as told, local:
        pass
    assert set(docker.variables) == {
        "STEPSAGA_STEPFUNCTIONS_PORT", "STEPSAGA_DYNAMODB_PORT", "STEPSAGA_INVOKE_PORT",
    }  # fmt: skip
    assert len(set(docker.variables.values())) == 3
    [up] = docker.told("up")
    assert up[up.index("--profile") + 1] == profile
    assert f"127.0.0.1:{docker.variables['STEPSAGA_STEPFUNCTIONS_PORT']}" in str(told.value)


def test_started_servers_are_used_and_removed(stand_in: MotoEngine) -> None:
    """What was started is used while it is open, and removed in the end, once."""
    port = int(stand_in.endpoint.rpartition(":")[2])
    docker = Docker()
    local, _ = started(docker, ports=lambda: (port, port))
    with local:
        local.engine.create("Started", machine({"A": PASS}))
        arn = local.engine.start("Started", {}, name="x")
        assert local.engine.wait(arn).status == "SUCCEEDED"
        clean_up(local, arn)
        assert not docker.told("down")
    assert len(docker.told("down")) == 1


class HangsUp(BaseHTTPRequestHandler):
    """Breaks off the first requests of each kind without an answer, as a server that starts."""

    asked: ClassVar[Counter[str]] = Counter()
    replies: ClassVar[Mapping[str, Any]] = {
        "ListStateMachines": {"stateMachines": []},
        "ListTables": {"TableNames": ["events"]},
    }

    def do_POST(self) -> None:
        """Answer the third time."""
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        self.asked[operation] += 1
        if self.asked[operation] > 2:
            body = json.dumps(self.replies[operation]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_servers_may_hang_up_at_first() -> None:
    """Requests that are broken off are made again, until both servers answer."""
    with ThreadingHTTPServer(("127.0.0.1", 0), HangsUp) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        port = server.server_port
        local, clock = started(Docker(), ports=lambda: (port, port))
        try:
            with local:
                assert len(clock.pauses) == 4
        finally:
            server.shutdown()
            thread.join()


# What Step Functions Local does not know


def engine_of(**replies: list[Any]) -> tuple[StepFunctionsLocalEngine, Fake]:
    """An engine and its client."""
    client = Fake(replies)
    return StepFunctionsLocalEngine(client, role=ROLE), client


def in_a_map(state: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """A state inside a map."""
    processor = {"StartAt": "I", "States": {"I": state}, **fields}
    return {"Type": "Map", "ItemsPath": "$", "ItemProcessor": processor, "End": True}


@pytest.mark.parametrize(
    ("definition", "what"),
    [
        (machine({"A": PASS}, QueryLanguage="JSONata"), "has no JSONata"),
        (machine({"A": {**PASS, "QueryLanguage": "JSONata"}}), "has no JSONata: state 'A'"),
        (machine({"A": {**PASS, "Assign": {}}}), "has no variables: state 'A'"),
        (
            machine({"A": task(Resource="arn:aws:states:::aws-sdk:dynamodb:query")}),
            "has no aws-sdk integrations: state 'A' calls arn:aws:states:::aws-sdk:dynamodb:query",
        ),
        (
            machine({"A": in_a_map(task(Resource="arn:aws:states:::events:putEvents"))}),
            "would call AWS itself for events: state 'I'",
        ),
        (
            machine({"A": in_a_map(PASS, ProcessorConfig={"Mode": "DISTRIBUTED"})}),
            "has no distributed maps: state 'A'",
        ),
    ],
)
def test_what_it_does_not_know_is_refused_by_name(definition: str, what: str) -> None:
    """A definition that cannot run there is refused before it is sent."""
    engine, client = engine_of()
    refusal = re.escape(f"machine 'M': Step Functions Local {what}")
    with pytest.raises(EngineError, match=refusal):
        engine.create("M", definition)
    assert not client.asked


def test_a_redrive_is_refused_by_name() -> None:
    """It has no RedriveExecution, and is not asked for one."""
    engine, client = engine_of()
    with pytest.raises(EngineError, match="cannot redrive arn:x: it has no RedriveExecution"):
        engine.redrive("arn:x")
    assert not client.asked


INVALID = ClientError({"Error": {"Code": "InvalidDefinition", "Message": "no"}}, "Create")


def test_maps_are_rewritten_only_if_they_are_refused() -> None:
    """The one transformation: `Iterator` for `ItemProcessor`, inside of maps too, and named."""
    reply = {"stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:M"}
    inner = in_a_map(PASS)
    outer = {**in_a_map(inner, ProcessorConfig={"Mode": "INLINE"}), "ItemSelector": {"a": 1}}
    text = machine({"A": outer})
    engine, client = engine_of(create_state_machine=[INVALID, reply])
    engine.create("M", text)
    assert engine.rewritten == {"M"}
    assert client.asked[0][1]["definition"] == text
    sent = json.loads(client.asked[1][1]["definition"])["States"]["A"]
    assert sent == {
        "Type": "Map",
        "ItemsPath": "$",
        "Parameters": {"a": 1},
        "Iterator": {
            "StartAt": "I",
            "States": {
                "I": {
                    "Type": "Map",
                    "ItemsPath": "$",
                    "Iterator": {"StartAt": "I", "States": {"I": PASS}},
                    "End": True,
                }
            },
        },
        "End": True,
    }
    newer, client = engine_of(create_state_machine=[reply])
    newer.create("M", text)
    assert (newer.rewritten, len(client.asked)) == (set(), 1)


@pytest.mark.parametrize("text", ["{", "[]", '{"States": {"A": 5}}', machine({"A": PASS})])
def test_other_refusals_are_its_own(text: str) -> None:
    """A definition without maps, or one that is none, is refused in its own words."""
    engine, client = engine_of(create_state_machine=[INVALID])
    with pytest.raises(EngineError, match=r"^InvalidDefinition: no"):
        engine.create("M", text)
    assert len(client.asked) == 1


def test_a_map_that_is_refused_either_way() -> None:
    """Where the rewritten definition is refused too, that is the error."""
    engine, client = engine_of(create_state_machine=[INVALID])
    with pytest.raises(EngineError, match=r"^InvalidDefinition"):
        engine.create("M", machine({"A": in_a_map(PASS)}))
    assert (len(client.asked), engine.rewritten) == (2, set())


def test_trouble_is_no_refusal() -> None:
    """Where Step Functions Local does not answer, nothing is rewritten."""
    away = ClientError(
        {"Error": {"Code": "x"}, "ResponseMetadata": {"HTTPStatusCode": 500}}, "Create"
    )
    engine, client = engine_of(create_state_machine=[away])
    with pytest.raises(EngineUnreachable):
        engine.create("M", machine({"A": in_a_map(PASS)}))
    assert len(client.asked) == 1
