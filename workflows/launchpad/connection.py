"""One way to a LaunchPad: the embedded database of a workspace, or a MongoDB of the user's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import yaml
from fireworks import fw_config
from fireworks.core.launchpad import LaunchPad
from pymongo import UpdateOne
from pymongo.errors import (
    AutoReconnect,
    ConfigurationError,
    InvalidName,
    OperationFailure,
    PyMongoError,
)

from natriface.structures.base.errors import StudyError
from natriface.structures.base.writing import write_atomically
from natriface.structures.base.yaml_files import parse_yaml
from natriface.workflows.errors import DamagedDatabaseError, DatabaseError
from natriface.workflows.launchpad.database import EmbeddedDatabase
from natriface.workflows.launchpad.queries import PARENTS, STEP_KEY, WORKSPACES
from natriface.workflows.workspace import Workspace, writing

CONNECT_TIMEOUT_MS = 10_000
OUTAGE_SECONDS = 600.0
OUTAGE_LOOK_SECONDS = 0.2

T = TypeVar("T")


def use_mongodb(workspace: Workspace, access: Path) -> None:
    """Have the workspace use the MongoDB of a ``launchpad.yaml``, as `lpad init` writes it.

    Its content, password included, is copied into the workspace, readable by its owner only.

    Raises
    ------
    DatabaseError
        If the file is not such a file, or the workspace has a database of its own already.
    """
    try:
        content = parse_yaml(access.read_bytes(), str(access))
    except OSError as error:
        raise DatabaseError(f"{access} cannot be read: {error.strerror}") from None
    except StudyError as error:
        raise DatabaseError(str(error)) from None
    if not isinstance(content, dict) or "host" not in content:
        raise DatabaseError(f"{access} is not a launchpad file: it names no host")
    port = content.get("port")
    if port is not None and (isinstance(port, bool) or port not in range(1, 65536)):
        raise DatabaseError(f"{access}: port {port!r:.40} is none; a port is between 1 and 65535")
    if EmbeddedDatabase(workspace).exists:
        raise DatabaseError(
            f"{workspace.root} has a database of its own already; name another workspace"
        )
    with writing(workspace.root):
        write_atomically(workspace.launchpad_file, yaml.safe_dump(content), mode=0o600)


def is_embedded(workspace: Workspace) -> bool:
    """Whether the workspace uses, or will use, the embedded database."""
    return EmbeddedDatabase(workspace).exists or not workspace.launchpad_file.exists()


@contextmanager
def launchpad(
    workspace: Workspace, renewed: Callable[[str], None] | None = None
) -> Iterator[LaunchPad]:
    """The LaunchPad of a workspace, for as long as the context lasts.

    An embedded database that does not run is started, and stopped at the end; one that runs
    is used and left running.

    Parameters
    ----------
    renewed
        By this is told that the embedded database was damaged, has been set aside, and that a new
        one has been begun, which knows no step yet; without it that is an error.

    Raises
    ------
    DatabaseError
        If it cannot be started or reached, on entering or later.
    """
    database = EmbeddedDatabase(workspace) if is_embedded(workspace) else None
    started = database is not None and database.running() is None
    if database is not None:
        try:
            database.start(bound=True)
        except DamagedDatabaseError:
            if renewed is None:
                raise
            place = database.set_aside()
            renewed(
                f"the database was damaged as it was killed; it is kept in {place}, and a new one "
                "takes up what is finished from the folders of the steps"
            )
            database.start(bound=True)
    try:
        with reachable(workspace):
            pad = connect(workspace)
            try:
                yield pad
            finally:
                pad.connection.close()
    finally:
        if database is not None and started:
            database.stop()


def connect(workspace: Workspace) -> LaunchPad:
    """The LaunchPad that the workspace's ``launchpad.yaml`` names; its database must be running.

    Raises
    ------
    DatabaseError
        If it cannot be reached, or FireWorks is set to keep its data where it would lose it.
    """
    if fw_config.MONGOMOCK_SERVERSTORE_FILE:
        raise DatabaseError(
            "FireWorks is set to its mongomock file store, which loses what two processes write; "
            "unset MONGOMOCK_SERVERSTORE_FILE"
        )
    path = workspace.launchpad_file
    try:
        pad = named_by(path)
    except FileNotFoundError:
        raise DatabaseError(
            f"{workspace.root} has no LaunchPad yet: submit a study first"
        ) from None
    except (OSError, yaml.YAMLError, TypeError, KeyError, AttributeError, ValueError) as error:
        raise DatabaseError(f"{path} is not a launchpad file ({error})") from None
    except (ConfigurationError, InvalidName) as error:
        raise DatabaseError(f"{path}: {error}") from None
    with reachable(workspace):
        _prepare(pad)
    return pad


def named_by(path: Path, **options: Any) -> LaunchPad:
    """The LaunchPad of a ``launchpad.yaml``, quiet, whether or not its database answers.

    Parameters
    ----------
    options
        Of pymongo's client, before those of the file.

    Raises
    ------
    OSError, yaml.YAMLError, TypeError, KeyError, AttributeError, ValueError
        If the file cannot be read or is no such file.
    pymongo.errors.PyMongoError
        If it names what cannot be.
    """
    access: dict[str, Any] = yaml.safe_load(path.read_text())
    client = {
        "serverSelectionTimeoutMS": CONNECT_TIMEOUT_MS,
        **(access.get("mongoclient_kwargs") or {}),
        **options,
    }
    quiet = {"strm_lvl": "CRITICAL", "logdir": None, "mongoclient_kwargs": client}
    return LaunchPad.from_dict({**access, **quiet})


class Connection:
    """A LaunchPad kept at hand through short outages of its database.

    Parameters
    ----------
    workspace
        Whose LaunchPad.
    in_outage
        Called again and again while the database does not answer.
    give_up
        Whether to wait no longer.
    """

    def __init__(
        self,
        workspace: Workspace,
        in_outage: Callable[[], object] = lambda: None,
        give_up: Callable[[], bool] = lambda: False,
    ) -> None:
        self.workspace = workspace
        self._in_outage = in_outage
        self._give_up = give_up
        self._pad: LaunchPad | None = None

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def __call__(self, operation: Callable[[LaunchPad], T]) -> T:
        """The outcome of an operation that may be repeated.

        Raises
        ------
        DatabaseError
            If the database stays away for long, or refuses.
        """
        deadline = time.monotonic() + OUTAGE_SECONDS
        while True:
            try:
                if self._pad is None:
                    self._pad = connect(self.workspace)
                with reachable(self.workspace):
                    return operation(self._pad)
            except DatabaseError as error:
                away = isinstance(error.__cause__, AutoReconnect)
                if not away or self._give_up() or time.monotonic() > deadline:
                    raise
                self._close()  # it may come back at another address
                self._in_outage()
                time.sleep(OUTAGE_LOOK_SECONDS)

    def _close(self) -> None:
        if self._pad is not None:
            self._pad.connection.close()
            self._pad = None


@contextmanager
def reachable(workspace: Workspace) -> Iterator[None]:
    """Turn the failures of a database into one sentence.

    Raises
    ------
    DatabaseError
        In their place.
    """
    path = workspace.launchpad_file
    try:
        yield
    except OperationFailure as error:
        detail = (error.details or {}).get("errmsg") or str(error)
        raise DatabaseError(f"the database of {path} refused: {detail}") from error
    except PyMongoError as error:
        first = str(error).split(",")[0].split(" (configured")[0]
        raise DatabaseError(
            f"the database of {path} cannot be reached ({first}); see that it runs and that this "
            "machine may reach it, then run again: nothing is lost"
        ) from error


def try_writing(pad: LaunchPad) -> None:
    """Write a document into the database, and take it out again.

    Raises
    ------
    pymongo.errors.PyMongoError
        If the database cannot be reached or refuses.
    """
    probe = pad.db["natriface_doctor"]
    identifier = probe.insert_one({"probe": True}).inserted_id
    probe.delete_one({"_id": identifier})


def new_launch_id(pad: LaunchPad, quantity: int = 1) -> int:
    """The first of so many numbers for launches that no other launch has or will have."""
    return _take_numbers(pad, "next_launch_id", quantity)


def new_fw_ids(pad: LaunchPad, quantity: int) -> int:
    """The first of so many numbers for Fireworks that no other Firework has or will have."""
    return _take_numbers(pad, "next_fw_id", quantity)


def _take_numbers(pad: LaunchPad, counter: str, quantity: int) -> int:
    """Advance a counter of FireWorks, by compare and set.

    `LaunchPad.get_new_launch_id` relies on find-and-modify, which on the embedded database may
    tell two clients the same number: it changes the document atomically, but what it returns was
    read before.
    """
    while True:
        document = pad.fw_id_assigner.find_one({})
        number = int(document[counter])
        taken = pad.fw_id_assigner.update_one(
            {"_id": document["_id"], counter: number}, {"$set": {counter: number + quantity}}
        )
        if taken.modified_count:
            return number


def _prepare(pad: LaunchPad) -> None:
    """Make the counters and indices of a database that is new; leave any other as it is."""
    indices = pad.fireworks.index_information()
    if pad.fw_id_assigner.find_one({}) is None:
        pad.fw_id_assigner.update_one(
            {"_id": -1}, {"$setOnInsert": {"next_fw_id": 1, "next_launch_id": 1}}, upsert=True
        )
        pad.tuneup()
    if not any(index["key"][0][0] == STEP_KEY for index in indices.values()):
        pad.fireworks.create_index(STEP_KEY, unique=True, sparse=True)
        pad.fireworks.create_index([(WORKSPACES, 1), ("state", 1), ("spec._priority", -1)])
        pad.workflows.create_index("metadata.workspaces")
    if not any(index["key"][0][0] == PARENTS for index in indices.values()):
        _name_parents(pad)
        pad.fireworks.create_index(PARENTS, sparse=True)


def _name_parents(pad: LaunchPad) -> None:
    """Have the Fireworks of a database made before they did so name their parents."""
    ours = {"metadata.workspaces": {"$exists": True}}
    for workflow in pad.workflows.find(ours, {"parent_links": 1}):
        changes = [
            UpdateOne({"fw_id": int(child)}, {"$set": {PARENTS: parents}})
            for child, parents in workflow["parent_links"].items()
            if parents
        ]
        if changes:
            pad.fireworks.bulk_write(changes, ordered=False)
