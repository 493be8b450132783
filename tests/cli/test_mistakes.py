"""What goes wrong in projects, and what the command line says of it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from importlib.metadata import version
from textwrap import dedent
from typing import TYPE_CHECKING

import boto3
import pytest
from moto.server import ThreadedMotoServer

from stepsaga.cli.exits import FINE, PROBLEM, USAGE
from stepsaga.store.dynamodb import DynamoDBStore
from stepsaga.store.table import create_table
from tests.cli.shell import stepsaga
from tests.cli.streams import IN_DOUBT, KEPT, end

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HANDLERS = """
    from stepsaga import SagaContext

    def book(room: int) -> int:
        return room

    def cancel(book: int | None) -> None:
        pass
"""
GOOD = """
    from handlers import rooms
    from stepsaga import Input, Saga, Step

    class Stay(Saga):
        room = Input(int)
        book = Step(rooms.book, compensation=rooms.cancel)
"""
BAD = """
    from handlers import rooms
    from stepsaga import Input, Saga, Step

    class Stay(Saga):
        room = Input(int)
        book = Step(rooms.book)
        again = Step(rooms.book, timeout=5)
"""


def project(root: Path, **sagas: str) -> Path:
    """A small project with these modules of sagas."""
    (root / "handlers").mkdir()
    (root / "handlers" / "__init__.py").touch()
    (root / "handlers" / "rooms.py").write_text(dedent(HANDLERS))
    (root / "sagas").mkdir()
    (root / "sagas" / "__init__.py").touch()
    for name, text in sagas.items():
        (root / "sagas" / f"{name}.py").write_text(dedent(text))
    return root


def test_every_problem_is_told_with_its_place(tmp_path: Path) -> None:
    """Check tells all problems of all modules at once, each with code, line and hint; code 1."""
    root = project(tmp_path, bad=BAD, good=GOOD.replace("Stay", "Fine"), odd="import nowhere\n")
    said = stepsaga("check", cwd=root)
    assert said.code == PROBLEM
    assert "Fine" in said.out
    assert "bad.py:7" in said.err
    assert "bad.py:8" in said.err
    assert "hint:" in said.err
    assert "sagas/odd.py:1: ModuleNotFoundError: No module named 'nowhere'" in said.err
    assert "Traceback" not in said.err
    told = json.loads(stepsaga("check", "--json", cwd=root).out)
    assert {problem["line"] for problem in told["problems"]} == {7, 8}
    assert all(problem["code"].startswith("S") for problem in told["problems"])
    assert len(told["broken"]) == 1


def test_nothing_is_written_where_a_saga_has_problems(tmp_path: Path) -> None:
    """Compile writes all machines or none."""
    root = project(tmp_path, bad=BAD, good=GOOD.replace("Stay", "Fine"))
    said = stepsaga("compile", cwd=root)
    assert said.code == PROBLEM
    assert "S" in said.err
    assert not (root / "statemachines").exists()


def test_one_saga_can_be_looked_at_whatever_others_are(tmp_path: Path) -> None:
    """A problem in one saga does not keep another one from being drawn."""
    root = project(tmp_path, bad=BAD, good=GOOD.replace("Stay", "Fine"))
    assert stepsaga("graph", "Fine", cwd=root).code == FINE
    said = stepsaga("graph", "Stay", cwd=root)
    assert said.code == PROBLEM
    assert "bad.py:7" in said.err


def test_syntax_errors_have_their_place(tmp_path: Path) -> None:
    """A module that Python cannot read is named with file and line."""
    said = stepsaga("check", cwd=project(tmp_path, broken="class Stay(:\n"))
    assert said.code == PROBLEM
    assert "sagas/broken.py:1: SyntaxError" in said.err


@pytest.mark.parametrize("command", [["check"], ["compile"], ["graph", "Stay"]])
def test_outside_a_project_it_says_where_to_go(tmp_path: Path, command: list[str]) -> None:
    """Without a folder of sagas every command says what is missing."""
    said = stepsaga(*command, cwd=tmp_path)
    assert (said.code, said.out) == (USAGE, "")
    assert "there is no folder 'sagas' here" in said.err


def test_a_project_without_sagas_is_told(tmp_path: Path) -> None:
    """An empty package is no project."""
    said = stepsaga("check", cwd=project(tmp_path))
    assert said.code == USAGE
    assert "no sagas in" in said.err


def test_two_sagas_of_one_name_are_refused(tmp_path: Path) -> None:
    """A saga's name is its streams': there can be one only."""
    said = stepsaga("check", cwd=project(tmp_path, one=GOOD, two=GOOD))
    assert said.code == USAGE
    assert "sagas.one and sagas.two both define a saga called Stay" in said.err


TWINS = GOOD + GOOD.replace("class Stay", "class STAY")


def test_two_sagas_for_one_file_are_refused(tmp_path: Path) -> None:
    """Names that would be one file's are told apart by their author, not by the last one."""
    said = stepsaga("compile", cwd=project(tmp_path, good=TWINS))
    assert said.code == USAGE
    assert "Stay and STAY would both be compiled to stay.asl.json" in said.err


@pytest.mark.parametrize("code", [0, 3])
def test_a_module_that_exits_is_broken(tmp_path: Path, code: int) -> None:
    """A module that ends the process at import does not end the command."""
    root = project(tmp_path, good=GOOD, exits=f"raise SystemExit({code})")
    said = stepsaga("check", cwd=root)
    assert said.code == PROBLEM
    assert "SystemExit" in said.err


def test_a_module_that_prints_does_not_spoil_json(tmp_path: Path) -> None:
    """What modules print at import goes to stderr."""
    root = project(tmp_path, good=f"{GOOD}\n    print('hello')\n")
    said = stepsaga("check", "--json", cwd=root)
    assert [row["saga"] for row in json.loads(said.out)["sagas"]] == ["Stay"]
    assert "hello" in said.err


def test_a_saga_with_problems_is_told_as_json(tmp_path: Path) -> None:
    """`check NAME --json` gives the problems of that saga, and of no other."""
    bad = GOOD.replace("class Stay", "class Bad").replace("compensation=rooms.cancel", "timeout=5")
    root = project(tmp_path, good=GOOD, bad=bad)
    said = stepsaga("check", "Bad", "--json", cwd=root)
    assert said.code == PROBLEM
    assert {p["subject"].partition(".")[0] for p in json.loads(said.out)["problems"]} == {"Bad"}
    assert stepsaga("check", "Stay", cwd=root).code == FINE


def test_compile_and_its_check(tmp_path: Path) -> None:
    """Missing, stale and left-over files are told, with code 1; compiling mends all of it."""
    root = project(tmp_path, good=GOOD)
    missing = stepsaga("compile", "--check", cwd=root)
    assert (missing.code, "stay.asl.json is missing" in missing.err) == (PROBLEM, True)
    assert not (root / "statemachines").exists()
    assert stepsaga("compile", cwd=root).code == FINE
    file = root / "statemachines" / "stay.asl.json"
    written = file.read_bytes()
    assert stepsaga("compile", "--check", cwd=root).code == FINE
    (root / "statemachines" / "old.asl.json").write_bytes(written)
    machine = json.loads(written)
    machine["States"]["book"]["TimeoutSeconds"] += 1
    file.write_text(json.dumps(machine))
    stale = stepsaga("compile", "--check", cwd=root)
    assert stale.code == PROBLEM
    assert "old.asl.json belongs to no saga" in stale.err
    assert "stay.asl.json is stale" in stale.err
    assert "book: is another" in stale.err
    assert stepsaga("compile", cwd=root).code == FINE
    assert file.read_bytes() == written
    assert stepsaga("compile", "--check", cwd=root).code == FINE


def test_a_project_without_tables_runs(tmp_path: Path) -> None:
    """Without tools/local.py there is nothing to set up, and a saga runs all the same."""
    root = project(tmp_path, good=GOOD)
    said = stepsaga("run", "Stay", "--input", "-", cwd=root, stdin="7")
    assert (said.code, said.err) == (FINE, "")
    assert "COMPLETED" in said.out


def test_a_setup_that_is_none_is_told(tmp_path: Path) -> None:
    """A tools/local.py without its function is a mistake, not silence."""
    root = project(tmp_path, good=GOOD)
    (root / "tools").mkdir()
    (root / "tools" / "__init__.py").touch()
    (root / "tools" / "local.py").write_text("setup = None\n")
    said = stepsaga("run", "Stay", "--input", "-", cwd=root, stdin="7")
    assert said.code == USAGE
    assert "def setup(dynamodb)" in said.err


def test_a_setup_that_fails_is_told_with_its_place(tmp_path: Path) -> None:
    """What a project's set-up raises is its own mistake: file, line and error, no traceback."""
    root = project(tmp_path, good=GOOD)
    (root / "tools").mkdir()
    (root / "tools" / "__init__.py").touch()
    (root / "tools" / "local.py").write_text("def setup(dynamodb):\n    raise KeyError('stock')\n")
    said = stepsaga("run", "Stay", "--input", "-", cwd=root, stdin="7")
    assert said.code == PROBLEM
    assert "tools/local.py:2: KeyError: 'stock'" in said.err
    assert "Traceback" not in said.err


def test_the_users_own_account_is_out_of_reach(tmp_path: Path) -> None:
    """Handlers of a run find the local stack, whatever the shell's AWS settings are."""
    root = project(tmp_path, good=GOOD)
    (root / "handlers" / "rooms.py").write_text(
        dedent(
            """
            import boto3

            client = boto3.client("dynamodb")

            def book(room: int) -> str:
                return f"{client.meta.endpoint_url} {boto3.Session().get_credentials().access_key}"

            def cancel(book: str | None) -> None:
                pass
            """
        )
    )
    settings = {
        "AWS_PROFILE": "production",
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_SESSION_TOKEN": "real",
        "AWS_ENDPOINT_URL_DYNAMODB": "https://dynamodb.example.com",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    }
    said = stepsaga("run", "Stay", "--input", "-", cwd=root, stdin="7", env=settings)
    assert (said.code, said.err) == (FINE, "")
    assert "http://127.0.0.1:" in said.out
    assert "AKIAREAL" not in said.out


def test_what_handlers_print_does_not_spoil_the_output(tmp_path: Path) -> None:
    """A machine that reads stdout gets the timeline alone; prints go to stderr."""
    root = project(tmp_path, good=GOOD)
    handlers = root / "handlers" / "rooms.py"
    handlers.write_text(handlers.read_text().replace("return room", "print('hi'); return room"))
    said = stepsaga("run", "Stay", "--input", "-", "--json", cwd=root, stdin="7")
    assert (json.loads(said.out)["ending"], said.err) == ("completed", "hi\n")


def test_a_run_that_cannot_be_kept_is_shown_all_the_same(tmp_path: Path) -> None:
    """Where .stepsaga cannot be written the timeline is printed, and then what is wrong."""
    root = project(tmp_path, good=GOOD)
    (root / ".stepsaga").touch()
    said = stepsaga("run", "Stay", "--input", "-", cwd=root, stdin="7")
    assert (said.code, "COMPLETED" in said.out) == (PROBLEM, True)
    assert "cannot be written" in said.err
    assert "Traceback" not in said.err


# Tables that are deployed


@contextmanager
def served() -> Iterator[str]:
    """A moto server in this process; gives its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-central-1",
}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Where a table ``deployed`` has one saga, whose charge was in doubt."""
    with served() as address:
        client = boto3.client(
            "dynamodb",
            endpoint_url=address,
            region_name="eu-central-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106  # opens nothing
        )
        create_table(client, "deployed")
        store = DynamoDBStore(client=client, table="deployed")
        store.put_definition("9f", KEPT)
        for one in [*IN_DOUBT, end("States.Timeout")]:
            store.append(one)
        yield address
        client.close()


def show(endpoint: str, saga_id: str, *, cwd: Path, table: str = "deployed") -> tuple[int, str]:
    """``stepsaga show`` of a table."""
    options = ("--table", table, "--endpoint-url", endpoint)
    said = stepsaga("show", saga_id, *options, cwd=cwd, env=KEYS)
    assert "Traceback" not in said.err
    return said.code, said.out + said.err


def test_show_reads_a_deployed_table(endpoint: str, tmp_path: Path) -> None:
    """Any table can be read, from any folder; values are masked by the graph that is kept there."""
    code, text = show(endpoint, "FulfilOrder#order-123", cwd=tmp_path)
    assert code == FINE
    assert "COMPENSATED" in text
    assert "undone, in this order: charge, reserve" in text
    assert "card=***" in text


def test_an_id_alone_needs_a_project(endpoint: str, tmp_path: Path) -> None:
    """Without its saga an id means one of the project's; elsewhere it says what to write."""
    code, text = show(endpoint, "order-123", cwd=tmp_path)
    assert (code, "FulfilOrder#order-123" in text) == (USAGE, True)
    root = project(tmp_path, good=GOOD.replace("Stay", "FulfilOrder"))
    code, text = show(endpoint, "order-123", cwd=root)
    assert (code, "COMPENSATED" in text) == (FINE, True)


@pytest.mark.parametrize(
    ("saga_id", "table", "complaint"),
    [
        ("FulfilOrder#none", "deployed", "has no saga FulfilOrder#none"),
        ("FulfilOrder#order-123", "none", "there is no table 'none'"),
    ],
)
def test_what_a_table_lacks_is_told(
    endpoint: str, tmp_path: Path, saga_id: str, table: str, complaint: str
) -> None:
    """A missing saga and a missing table are problems, with their names."""
    code, text = show(endpoint, saga_id, cwd=tmp_path, table=table)
    assert (code, complaint in text) == (PROBLEM, True)


@pytest.mark.parametrize(
    ("env", "options", "complaint"),
    [
        ({"AWS_DEFAULT_REGION": "eu-central-1"}, [], "no AWS credentials"),
        ({}, [], "set AWS_DEFAULT_REGION"),
        (KEYS, ["--endpoint-url", "nonsense"], "nonsense"),
        ({"AWS_PROFILE": "nobody"}, [], "nobody"),
    ],
)
def test_aws_that_cannot_be_reached_is_told(
    tmp_path: Path, env: dict[str, str], options: list[str], complaint: str
) -> None:
    """Without credentials, Region, address or profile it says which, and shows no traceback."""
    nothing = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
    said = stepsaga("show", "A#b", "--table", "t", *options, cwd=tmp_path, env={**nothing, **env})
    assert said.code in (PROBLEM, USAGE)
    assert complaint in said.err
    assert "Traceback" not in said.err


def test_an_address_alone_is_a_mistake(tmp_path: Path) -> None:
    """--endpoint-url without --table would be ignored in silence."""
    said = stepsaga("show", "a", "--endpoint-url", "http://127.0.0.1:1", cwd=tmp_path)
    assert (said.code, "--table" in said.err) == (USAGE, True)


def test_the_version_is_told(tmp_path: Path) -> None:
    """`stepsaga --version` says which release it is, outside of any project."""
    said = stepsaga("--version", cwd=tmp_path)
    assert (said.code, said.err) == (FINE, "")
    assert said.out == f"stepsaga {version('stepsaga')}\n"
