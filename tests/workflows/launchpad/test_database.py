"""The embedded database: it keeps what it has answered, and lets nobody in without the password."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from natriface.workflows.errors import DatabaseError
from natriface.workflows.launchpad import database as module
from natriface.workflows.launchpad.connection import connect, launchpad, use_mongodb
from natriface.workflows.launchpad.database import EmbeddedDatabase
from natriface.workflows.workspace import Workspace


@pytest.fixture
def database(workspace: Workspace) -> Iterator[EmbeddedDatabase]:
    database = EmbeddedDatabase(workspace)
    database.start(bound=True)
    yield database
    database.stop()


def access(workspace: Workspace) -> dict[str, str]:
    content: dict[str, str] = yaml.safe_load(workspace.launchpad_file.read_text())
    return content


def test_strangers_are_refused(database: EmbeddedDatabase, workspace: Workspace) -> None:
    server = database.running()
    assert server is not None
    for stranger in (
        MongoClient("127.0.0.1", server.port),
        MongoClient("127.0.0.1", server.port, username="natriface", password="guess"),
        MongoClient("127.0.0.1", server.port, username="other", password="guess"),
    ):
        with stranger, pytest.raises(PyMongoError):
            stranger["natriface"]["fireworks"].insert_one({"spec": "anything"})
        with stranger, pytest.raises(PyMongoError):
            stranger.admin.command("createUser", "me", pwd="me", roles=["root"])
    assert connect(workspace).fireworks.count_documents({}) == 0


def test_listens_on_the_loopback_interface_only(database: EmbeddedDatabase) -> None:
    server = database.running()
    assert server is not None
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(server.process.pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


def test_password_is_in_one_private_file_only(
    database: EmbeddedDatabase, workspace: Workspace
) -> None:
    password = access(workspace)["password"]
    assert len(password) >= 32
    assert stat.S_IMODE(workspace.launchpad_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(workspace.database.stat().st_mode) == 0o700
    server = database.running()
    assert server is not None
    process = psutil.Process(server.process.pid)
    assert password not in " ".join(process.cmdline())
    assert password not in str(process.environ())
    holding = [
        path
        for path in workspace.root.rglob("*")
        if path.is_file() and password.encode() in path.read_bytes()
    ]
    assert holding == [workspace.launchpad_file]


def test_what_was_answered_outlives_kill_9(
    database: EmbeddedDatabase, workspace: Workspace
) -> None:
    first = database.running()
    assert first is not None
    kept = connect(workspace)
    for number in range(50):
        kept.db["kept"].insert_one({"_id": number})
    os.kill(first.process.pid, signal.SIGKILL)
    while first.process.is_alive:
        time.sleep(0.01)
    assert database.running() is None
    with launchpad(workspace) as pad:
        assert [document["_id"] for document in pad.db["kept"].find()] == list(range(50))
        second = database.running()
        assert second is not None
        assert second.port == first.port  # programs that know the address find it again
    assert database.running() is None  # started for the context, stopped with it


def test_one_that_runs_is_used_and_left_running(
    database: EmbeddedDatabase, workspace: Workspace
) -> None:
    before = database.running()
    with launchpad(workspace):
        assert database.running() == before
    assert database.running() == before


def test_takes_another_port_if_its_own_is_gone(workspace: Workspace) -> None:
    database = EmbeddedDatabase(workspace)
    port = database.start(bound=True).port
    database.stop()
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        with launchpad(workspace) as pad:
            assert pad.port != port
            assert access(workspace)["port"] == pad.port


def test_ends_with_the_process_that_started_it(workspace: Workspace) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from natriface.workflows.launchpad.database import EmbeddedDatabase\n"
        "from natriface.workflows.workspace import Workspace\n"
        "server = EmbeddedDatabase(Workspace.open(Path(sys.argv[1]))).start(bound=True)\n"
        "print(server.process.pid, flush=True); input()"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", code, str(workspace.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    server = psutil.Process(pid)
    starter.kill()
    starter.communicate()
    if sys.platform == "linux":
        server.wait(20)
    EmbeddedDatabase(workspace).stop()


def test_cut_off_while_being_made_it_is_made_anew(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = EmbeddedDatabase(workspace)

    def cut_off(server: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(database, "_check_alone", cut_off)
        with pytest.raises(KeyboardInterrupt):
            database.start(bound=True)
    database.stop()
    with launchpad(workspace) as pad:
        assert pad.fireworks.count_documents({}) == 0


def test_an_intruder_during_the_making_is_found_out(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = EmbeddedDatabase(workspace)
    launch = database._launch

    def launch_with_intruder(bound: bool, authenticated: bool) -> module.Server:
        server = launch(bound, authenticated)
        if not authenticated:
            with MongoClient("127.0.0.1", server.port) as client:
                client["other"].command("createUser", "intruder", pwd="x", roles=["root"])
        return server

    monkeypatch.setattr(database, "_launch", launch_with_intruder)
    with pytest.raises(DatabaseError, match="another user"):
        database.start(bound=True)
    assert database.running() is None
    monkeypatch.undo()
    with launchpad(workspace) as pad:
        assert [user["user"] for user in pad.connection.admin["system.users"].find()] == [
            "natriface"
        ]


def words_of(process: psutil.Process) -> str:
    """Its command line; empty once it is gone."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def test_lost_password_says_what_to_do(workspace: Workspace) -> None:
    with launchpad(workspace):
        pass
    workspace.launchpad_file.unlink()
    with pytest.raises(DatabaseError, match=r"launchpad\.yaml.*missing.*delete .*database"):
        EmbeddedDatabase(workspace).start(bound=True)
    assert EmbeddedDatabase(workspace).running() is None
    mine = [words_of(child) for child in psutil.Process().children()]
    assert not any("secantus" in words and str(workspace.root) in words for words in mine)


def test_full_disk_is_said_before_the_start(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEAST_FREE_MB", 1e12)
    with pytest.raises(DatabaseError, match="is full"):
        EmbeddedDatabase(workspace).start(bound=True)


def test_damaged_data_say_where_the_log_is(workspace: Workspace) -> None:
    with launchpad(workspace):
        pass
    for path in (workspace.database / "data").iterdir():
        path.write_bytes(b"not a database")
    with pytest.raises(DatabaseError, match=r"cannot start.*server\.log.*finished steps are kept"):
        EmbeddedDatabase(workspace).start(bound=True)


def test_unreachable_mongodb_is_one_sentence(workspace: Workspace, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = tmp_path / "given.yaml"
    options = {"serverSelectionTimeoutMS": 200}
    secret = "a password nobody should see"
    content = {
        "host": "127.0.0.1", "port": port, "name": "fw", "username": "me", "password": secret,
        "mongoclient_kwargs": options,
    }  # fmt: skip
    given.write_text(yaml.safe_dump(content))
    use_mongodb(workspace, given)
    assert stat.S_IMODE(workspace.launchpad_file.stat().st_mode) == 0o600
    with pytest.raises(DatabaseError, match="cannot be reached") as caught:
        launchpad(workspace).__enter__()
    assert secret not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_same_code_runs_on_a_given_mongodb(workspace: Workspace, tmp_path: Path) -> None:
    server = EmbeddedDatabase(workspace)
    server.start(bound=True)
    try:
        other = Workspace.create(tmp_path / "other", "other")
        use_mongodb(other, workspace.launchpad_file)
        with launchpad(other) as pad:
            assert pad.get_new_fw_id() == 1
        assert server.running() is not None
    finally:
        server.stop()


TAKE = """
import sys
from pathlib import Path
from natriface.workflows.launchpad.connection import connect, new_launch_id
from natriface.workflows.workspace import Workspace

pad = connect(Workspace.open(Path(sys.argv[1])))
print("ready", flush=True)
input()
print(*[new_launch_id(pad) for _ in range(100)])
"""


@pytest.mark.slow
def test_numbers_are_given_once(database: EmbeddedDatabase, workspace: Workspace) -> None:
    connect(workspace)
    takers = [
        subprocess.Popen(
            [sys.executable, "-c", TAKE, str(workspace.root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for taker in takers:
        assert taker.stdout is not None
        assert taker.stdout.readline() == "ready\n"
    for taker in takers:
        assert taker.stdin is not None
        taker.stdin.write("\n")
        taker.stdin.flush()
    numbers = [number for taker in takers for number in taker.communicate()[0].split()]
    assert len(numbers) == len(set(numbers)) == 300


def test_not_a_launchpad_file(workspace: Workspace, tmp_path: Path) -> None:
    given = tmp_path / "given.yaml"
    with pytest.raises(DatabaseError, match="cannot be read"):
        use_mongodb(workspace, given)
    given.write_text("- a list")
    with pytest.raises(DatabaseError, match="names no host"):
        use_mongodb(workspace, given)


def test_lpad_works_on_the_same_launchpad(database: EmbeddedDatabase, workspace: Workspace) -> None:
    connect(workspace)
    told = subprocess.run(
        [Path(sys.executable).parent / "lpad", "-l", workspace.launchpad_file, "get_wflows"],
        capture_output=True,
        text=True,
        check=True,
        cwd=workspace.root,
    )
    assert told.stdout.strip() == "[]"


def test_mongomock_store_is_refused(
    database: EmbeddedDatabase, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fireworks import fw_config

    monkeypatch.setattr(fw_config, "MONGOMOCK_SERVERSTORE_FILE", "store.json")
    with pytest.raises(DatabaseError, match="mongomock"):
        connect(workspace)
