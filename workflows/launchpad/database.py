"""The embedded database: a MongoDB-compatible server in the workspace, for those without one.

SecantusDB (WiredTiger underneath) runs as a process of its own, listens on the loopback
interface only, asks every client for a password, and writes to the disk before it answers.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from natriface.structures.base.writing import next_numbered, write_atomically
from natriface.workflows.errors import DamagedDatabaseError, DatabaseError
from natriface.workflows.processes import Process, bound_command
from natriface.workflows.workspace import Workspace, writing

HOST = "127.0.0.1"
DATABASE = "natriface"
USER = "natriface"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
LEAST_FREE_MB = 100
CACHE = "256M"
STARTS_TRIED = 5

_CONFIGURATION = """\
[server]
host = "{host}"
standalone = true
log_level = "WARNING"

[storage]
cache_size = "{cache}"
sync_on_commit = true
"""


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: Process
    port: int


class EmbeddedDatabase:
    """The database of one workspace.

    Parameters
    ----------
    workspace
        Where data, log and password lie.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.folder = workspace.database
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def exists(self) -> bool:
        """Whether the workspace has an embedded database."""
        return self.folder.is_dir()

    @property
    def log(self) -> Path:
        """What the server prints."""
        return self.folder / "server.log"

    def running(self) -> Server | None:
        """The server, if it runs on this machine."""
        if self._child is not None:
            self._child.poll()  # reaps it, should it have ended
        server = self._noted()
        alive = server is not None and server.process.is_here and server.process.is_alive
        return server if alive else None

    def start(self, bound: bool) -> Server:
        """Start the server unless it runs already.

        Parameters
        ----------
        bound
            End it when this process ends, however that happens.

        Raises
        ------
        DatabaseError
            If it cannot be started; the message says why and where its log is.
        WorkspaceError
            If the workspace cannot be written.
        """
        with writing(self.folder):
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self.folder.chmod(0o700)
        with self._starting():
            server = self._answering()
            if server is not None:
                return server
            self._check_space()
            new = not (self.folder / "ready").exists()
            if new:
                self._make_user()
            server = self._launch(bound, authenticated=True)
            self._write_access(self._password(), server.port)
            if new:
                self._check_alone(server)
                with writing(self.folder):
                    (self.folder / "ready").touch()
            return server

    def set_aside(self) -> Path:
        """Move what cannot be opened out of the way of a new database; says where to.

        Raises
        ------
        WorkspaceError
            If the workspace cannot be written.
        """
        place = next_numbered(self.folder.parent, f"{self.folder.name}.damaged")
        with writing(self.workspace.root):
            self.folder.rename(place)
        return place

    def _answering(self) -> Server | None:
        """The running server once it answers; one that is about to end is waited for."""
        deadline = time.monotonic() + START_SECONDS
        while (server := self.running()) is not None:
            if self._answers(server.port, authenticated=True):
                return server
            if time.monotonic() > deadline:
                self._end(server.process)
            time.sleep(0.05)
        return None

    def stop(self) -> bool:
        """Stop the server; ``False`` if none ran here."""
        server = self.running()
        if server is None:
            return False
        self._end(server.process)
        return True

    # ---- starting -------------------------------------------------------------------------

    def _make_user(self) -> None:
        """Make the database and its one user.

        Until the user is there the server has to be open, on the loopback interface, for a
        moment; whether someone came in meanwhile is found out by `_check_alone` once the door
        is shut.
        """
        with writing(self.folder):
            shutil.rmtree(self.folder / "data", ignore_errors=True)
            write_atomically(
                self.folder / "secantusd.toml", _CONFIGURATION.format(host=HOST, cache=CACHE)
            )
        password = secrets.token_urlsafe(32)
        server = self._launch(bound=True, authenticated=False)
        with MongoClient[dict[str, Any]](HOST, server.port) as client:
            client.admin.command("createUser", USER, pwd=password, roles=["root"])
        self._end(server.process, patience_s=0.0)  # commits are on the disk once answered
        self._write_access(password, server.port)

    def _check_alone(self, server: Server) -> None:
        with self._client(server.port, self._password()) as client:
            users = [user["user"] for user in client.admin["system.users"].find()]
            databases = set(client.list_database_names()) - {"admin", "config", "local"}
        if users != [USER] or databases:
            self._end(server.process)
            raise DatabaseError(
                f"another user of {socket.gethostname()} got into the database while it was being "
                "made; nothing was in it yet: run again"
            )

    def _launch(self, bound: bool, authenticated: bool) -> Server:
        """Start the server at its usual port, so that its address stays the same, or at another."""
        if authenticated:
            self._password()  # or nobody could ask it anything
        usual = self._noted()
        port = usual.port if usual and authenticated else _free_port()
        for _ in range(STARTS_TRIED):
            server = self._launch_at(port, bound, authenticated)
            if server is not None:
                return server
            if self._port_is_taken():
                port = _free_port()
        raise self._why_not()

    def _launch_at(self, port: int, bound: bool, authenticated: bool) -> Server | None:
        command = [
            *(sys.executable, "-P", "-m", "secantus"),
            *("--config", str(self.folder / "secantusd.toml")),
            *("--storage-path", str(self.folder / "data"), "--port", str(port)),
            *(["--auth"] if authenticated else []),
        ]
        with writing(self.folder):
            if self.log.exists() and self.log.stat().st_size:
                self.log.replace(self.log.with_name("server.previous.log"))
        with writing(self.folder), self.log.open("wb") as log:
            child = subprocess.Popen(
                bound_command(command) if bound else command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,
                umask=0o077,
            )
        self._child = child
        process = Process.of(child.pid)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if child.poll() is not None:
                if child.returncode < 0 or self._port_is_taken():  # killed, or too late
                    return None
                raise self._why_not()
            # only then is it this server that answers, and not someone else's
            if _listens(child.pid) and self._answers(port, authenticated):
                server = Server(process, port)
                self._note(server)
                return server
            time.sleep(0.05)
        self._end(process)
        raise DatabaseError(
            f"the database did not answer within {START_SECONDS:.0f} s; its log is {self.log}"
        )

    def _answers(self, port: int, authenticated: bool) -> bool:
        client = (
            self._client(port, self._password(), timeout_ms=500)
            if authenticated
            else MongoClient[dict[str, Any]](HOST, port, serverSelectionTimeoutMS=500)
        )
        try:
            client.admin.command("usersInfo" if authenticated else "ping", 1)
        except OperationFailure as error:
            raise DatabaseError(
                f"the database refuses the password in {self.workspace.launchpad_file} "
                f"({error.details and error.details.get('errmsg')}); {self._afresh()}"
            ) from None
        except PyMongoError:
            return False
        finally:
            client.close()
        return True

    def _port_is_taken(self) -> bool:
        return "Address already in use" in self.log.read_text(errors="replace")

    def _why_not(self) -> DatabaseError:
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        tail = "\n".join(lines[-40:])
        if "No space left" in tail:
            return DatabaseError(
                f"the database cannot start: the disk of {self.folder} is full; free some space"
            )
        if "Read-only file system" in tail or "Permission denied" in tail:
            return DatabaseError(f"the database cannot start: {self.folder} cannot be written")
        if "Resource busy" in tail or "already being managed" in tail:
            other = self._noted()
            where = f" (process {other.process.pid} on {other.process.host})" if other else ""
            return DatabaseError(
                f"the database in {self.folder} is already open elsewhere{where}; stop it there"
            )
        last = lines[-1].strip() if lines else "it said nothing"
        kind = DamagedDatabaseError if "WiredTigerError" in last else DatabaseError
        return kind(f"the database cannot start ({last}); its log is {self.log}; {self._afresh()}")

    def _afresh(self) -> str:
        return (
            f"if nothing else helps, delete {self.folder} and run again: finished steps are kept "
            "in their folders"
        )

    def _check_space(self) -> None:
        free_mb = shutil.disk_usage(self.folder).free / 1e6
        if free_mb < LEAST_FREE_MB:
            raise DatabaseError(
                f"the disk of {self.folder} is full ({free_mb:.0f} MB free, at least "
                f"{LEAST_FREE_MB} needed); free some space and run again, nothing is lost"
            )

    @contextmanager
    def _starting(self) -> Iterator[None]:
        """One process at a time starts the server."""
        with writing(self.folder):
            handle = os.open(self.folder / "start.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    # ---- notes ----------------------------------------------------------------------------

    def _client(
        self, port: int, password: str, timeout_ms: int = 10_000
    ) -> MongoClient[dict[str, Any]]:
        return MongoClient(
            HOST,
            port,
            username=USER,
            password=password,
            authSource="admin",
            serverSelectionTimeoutMS=timeout_ms,
        )

    def _note(self, server: Server) -> None:
        note = {
            "host": server.process.host,
            "pid": server.process.pid,
            "birth": server.process.birth,
            "port": server.port,
        }
        with writing(self.folder):
            write_atomically(self.folder / "server.json", json.dumps(note))

    def _noted(self) -> Server | None:
        try:
            note = json.loads((self.folder / "server.json").read_text())
            return Server(Process(note["host"], note["pid"], note["birth"]), note["port"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _write_access(self, password: str, port: int) -> None:
        access = {
            "host": HOST,
            "port": port,
            "name": DATABASE,
            "username": USER,
            "password": password,
            "authsource": "admin",
        }
        with writing(self.workspace.root):
            # mkstemp underneath: the file is 0600 from its first byte on
            write_atomically(self.workspace.launchpad_file, yaml.safe_dump(access), mode=0o600)

    def _password(self) -> str:
        try:
            access = yaml.safe_load(self.workspace.launchpad_file.read_text())
            return str(access["password"])
        except (OSError, yaml.YAMLError, KeyError, TypeError):
            raise DatabaseError(
                f"{self.workspace.launchpad_file}, which holds the password of the database, is "
                f"missing or damaged; {self._afresh()}"
            ) from None

    def _end(self, process: Process, patience_s: float = STOP_SECONDS) -> None:
        with suppress(psutil.NoSuchProcess):
            running = psutil.Process(process.pid)
            if process.is_alive:
                noted = self._noted()
                if patience_s:
                    running.terminate()
                    if noted and noted.process == process:
                        _knock(noted.port)
                try:
                    running.wait(patience_s)
                except psutil.TimeoutExpired:
                    running.kill()
                    running.wait()
        if self._child is not None and self._child.pid == process.pid:
            self._child.wait()


def _knock(port: int) -> None:
    """Wake a server that waits for connections, so that it sees it has been told to stop."""
    time.sleep(0.02)
    with suppress(OSError):
        socket.create_connection((HOST, port), timeout=1).close()


def _free_port() -> int:
    """A port that nobody listens at, outside the range from which clients get theirs.

    In that range a client that tries again and again, while the server is down, may be given
    the very port it wants to reach, and so keep the server from getting it back.
    """
    try:
        low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        low = 32768
    lowest, highest = (low // 2, low - 1) if low > 4096 else (1024, 65535)
    while True:
        port = lowest + secrets.randbelow(highest - lowest + 1)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port


def _listens(pid: int) -> bool:
    """Whether a process listens at a TCP port."""
    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.Error:
        return False
    return any(connection.status == psutil.CONN_LISTEN for connection in connections)
