"""The site looked at: folders, database, queue."""

from __future__ import annotations

import fcntl
import shlex
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import yaml

from natriface.structures.base.errors import NatrifaceError
from natriface.workflows.engines.findings import Finding
from natriface.workflows.errors import QueueError
from natriface.workflows.queues.limits import QueueLimits, limits_path, load_limits
from natriface.workflows.workspace import Workspace, explain

if TYPE_CHECKING:
    from natriface.workflows.engines.base import Estimate
    from natriface.workflows.plan import Plan

LEAST_FREE_GB = 5.0
SETUP_SECONDS = 60.0


# ---- folders ----------------------------------------------------------------------------------


def examine_folder(folder: Path) -> Iterator[Finding]:
    """Whether a workspace can be there: written, locked, linked, with room."""
    root = folder.expanduser().resolve()
    place = next(parent for parent in (root, *root.parents) if parent.is_dir())
    probe = place / f".natriface-{uuid4().hex[:12]}"
    try:
        probe.write_text("probe")
    except OSError as error:
        yield Finding("error", "workspace", f"{place} cannot be written: {explain(error)}")
        return
    try:
        yield Finding("ok", "workspace", f"{root} can be written")
        yield from _locks(probe)
        yield _links(probe)
        yield _umask(stat.S_IMODE(probe.stat().st_mode))
    finally:
        probe.unlink(missing_ok=True)
    free_gb = shutil.disk_usage(place).free / 1e9
    room = f"{free_gb:.0f} GB are free in {place}"
    if free_gb < LEAST_FREE_GB:
        yield Finding("warning", "disk", room, "VASP studies write gigabytes; free some space")
    else:
        yield Finding("ok", "disk", room)
    yield from _secrets(root)


def _locks(probe: Path) -> Iterator[Finding]:
    """Locks keep two runs out of one folder; some file systems do not have them."""
    with probe.open() as first, probe.open() as second:
        try:
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            yield Finding(
                "error",
                "locks",
                f"{probe.parent} is on a file system without locks ({error.strerror})",
                "work on another file system, or have it mounted with locks (Lustre: -o flock; "
                "NFS: version 4, or 3 with lockd)",
            )
            return
        try:
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield Finding("ok", "locks", "a lock keeps others out")
        else:
            yield Finding(
                "error",
                "locks",
                f"two can hold the same lock in {probe.parent}",
                "work on another file system; two runs could spoil each other here",
            )


def _umask(mode: int) -> Finding:
    if mode & stat.S_IWOTH:
        text = f"all users can write your new files ({mode:03o})"
        return Finding("warning", "umask", text, "umask 022 in your shell's start-up file")
    return Finding("ok", "umask", f"others cannot write your new files ({mode:03o})")


def _links(probe: Path) -> Finding:
    link = probe.with_suffix(".link")
    try:
        link.hardlink_to(probe)
    except OSError:
        return Finding("ok", "links", "no hard links here: large files are copied instead")
    else:
        return Finding("ok", "links", "hard links work")
    finally:
        link.unlink(missing_ok=True)


def _secrets(root: Path) -> Iterator[Finding]:
    """The file with the database's password must be its owner's alone."""
    path = Workspace(root).launchpad_file
    if not path.is_file():
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield Finding(
            "error", "permissions", f"others can read {path} ({mode:03o})", f"chmod 600 {path}"
        )
    else:
        yield Finding("ok", "permissions", f"{path} is yours alone")


# ---- database ---------------------------------------------------------------------------------


def examine_database(folder: Path | None, access: Path | None) -> Iterator[Finding]:
    """Whether the LaunchPad's database answers and can be written."""
    if access is not None:
        yield from _mongodb(access)
        return
    if folder is None:
        return
    workspace = Workspace(folder)
    if workspace.study is None:
        yield Finding("ok", "database", "there will be one of natriface's own in the workspace")
        return
    from natriface.workflows.launchpad.connection import is_embedded

    if not is_embedded(workspace):
        yield from _mongodb(workspace.launchpad_file)
        return
    from natriface.workflows.launchpad.connection import launchpad
    from natriface.workflows.launchpad.queries import n_fireworks

    try:
        with launchpad(workspace) as pad:
            number = n_fireworks(pad)
    except NatrifaceError as error:
        yield Finding("error", "database", _without_secrets(str(error), workspace.launchpad_file))
    else:
        yield Finding("ok", "database", f"natriface's own answers and holds {number} steps")


def _mongodb(path: Path) -> Iterator[Finding]:
    from pymongo.errors import PyMongoError

    from natriface.workflows.launchpad.connection import named_by, try_writing
    from natriface.workflows.launchpad.queries import n_fireworks

    what = f"database of {path}"
    try:
        pad = named_by(path, serverSelectionTimeoutMS=5000)
    except (OSError, yaml.YAMLError, TypeError, KeyError, AttributeError, ValueError) as error:
        yield Finding("error", what, f"it is no launchpad file ({type(error).__name__})")
        return
    except PyMongoError as error:
        yield Finding("error", what, _without_secrets(str(error), path))
        return
    try:
        version = pad.connection.server_info().get("version", "?")
        try_writing(pad)
        number = n_fireworks(pad)
    except PyMongoError as error:
        first = str(error).split(",")[0].split(" (configured")[0]
        yield Finding(
            "error",
            what,
            _without_secrets(first, path),
            "see that the server runs, that this machine may reach it (a tunnel? a firewall?), and "
            "that user and password in the file are right and may write",
        )
    else:
        yield Finding("ok", what, f"version {version} can be written, holds {number} Fireworks")
    finally:
        pad.connection.close()
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077 and (pad.password or "@" in str(pad.host)):
        yield Finding(
            "warning", "permissions", f"others can read {path} ({mode:03o})", f"chmod 600 {path}"
        )


def _without_secrets(text: str, path: Path) -> str:
    """A message without the password that the file holds, or that an address carries."""
    try:
        access = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError):
        return text
    secrets = []
    if isinstance(access, dict):
        secrets.append(str(access.get("password") or ""))
        userinfo = str(access.get("host") or "").rpartition("@")[0]
        secrets.append(userinfo.rpartition(":")[2])
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return text


# ---- queue ------------------------------------------------------------------------------------


def examine_queue(queue: str | None, path: Path | None, folder: Path | None) -> Iterator[Finding]:
    """Whether the queue answers, and the limits fit it."""
    from natriface.workflows.queues.adapters import adapter
    from natriface.workflows.queues.script import load_template

    found = path or limits_path(folder or Path())
    try:
        limits = load_limits(found, queue=queue)
        template = load_template(limits.queue)
    except NatrifaceError as error:
        yield Finding("error", "queue", str(error))
        return
    if found is None:
        yield Finding(
            "warning",
            "queue.yaml",
            "there is none: every step gets one core of a node of one core",
            "write ~/.config/natriface/queue.yaml (see docs/hpc.md)",
        )
    else:
        yield Finding("ok", "queue.yaml", str(found))
    talking = adapter(template.adapter)
    missing = [program for program in talking.programs if shutil.which(program) is None]
    if missing:
        yield Finding(
            "error",
            "queue",
            f"no {', '.join(missing)} here",
            "run this where jobs are submitted, or load the queue's module",
        )
    else:
        try:
            talking.find("natriface-doctor")
        except QueueError as error:
            yield Finding("error", "queue", f"it does not answer: {error}")
        else:
            silence = talking.accounting()
            text = f"{talking.name} answers" + (f"; {silence}" if silence else "")
            yield Finding("ok", "queue", text)
            if talking.name == "slurm" and limits.partition is not None:
                yield from _partition(limits)
    yield from _setup(limits)


def _partition(limits: QueueLimits) -> Iterator[Finding]:
    """What the partition has, and whether the limits fit it."""
    from natriface.workflows.queues.partitions import partition, within

    try:
        found = partition(limits)
    except QueueError as error:
        yield Finding("error", "partition", str(error), "`sinfo` lists those there are")
        return
    if found is None:
        text = f"there is no partition {limits.partition}"
        yield Finding("error", "partition", text, "`sinfo` lists those there are")
        return
    kinds = "; ".join(
        f"{each.cores} cores and "
        + ("memory unknown" if each.memory_mb is None else f"{each.memory_mb:.0f} MB")
        for each in found.nodes
    )
    text = f"{found.name} is {found.state}; jobs of {found.longest}, nodes of {kinds}"
    yield Finding("ok" if found.state == "up" else "error", "partition", text)
    for told in within(limits, found)[1]:
        yield Finding("warning", "queue.yaml", told, "write what there is into queue.yaml")


def examine_fit(
    plan: Plan, queue: str | None, path: Path | None, folder: Path | None
) -> Iterator[Finding]:
    """Whether the queue's limits have room for each of the study's steps."""
    from natriface.workflows.engines.base import engine
    from natriface.workflows.jobs.eligible import EligibleStep, fitting
    from natriface.workflows.jobs.too_long import told_of
    from natriface.workflows.queues.partitions import partition, within
    from natriface.workflows.queues.script import load_template
    from natriface.workflows.steps.starts import with_starts

    try:
        limits = load_limits(path or limits_path(folder or Path()), queue=queue)
        is_slurm = load_template(limits.queue).adapter == "slurm"
    except NatrifaceError:  # which examine_queue has said
        return
    with suppress(QueueError):
        found = partition(limits) if is_slurm else None
        limits = within(limits, found)[0] if found is not None else limits
    eligible = []
    for step in with_starts(plan):
        with suppress(NatrifaceError):  # which the examination of its engine has said
            estimate = engine(step.engine).estimate(step)
            eligible.append(EligibleStep(step, (), _known(estimate)))
    fits = fitting(eligible, limits)
    if refused := [*fits.refused.values()]:
        more = f" ({len(refused)} of {len(plan)} steps have no room)" if len(refused) > 1 else ""
        yield Finding("error", "room in the queue", f"{refused[0]}{more}")
    else:
        yield Finding("ok", "room in the queue", f"for each of {len(plan)} steps")
    for text in told_of(fits.too_long):
        yield Finding("warning", "time in the queue", text)


def _known(estimate: Estimate) -> Callable[[], Estimate]:
    return lambda: estimate


def setup_lines(path: Path | None, folder: Path | None) -> tuple[str, ...]:
    """The first lines of the jobs' scripts; none where the limits are wrong."""
    try:
        return load_limits(path or limits_path(folder or Path())).setup
    except NatrifaceError:  # which examine_queue says
        return ()


def after_setup(finding: Finding, setup: Sequence[str]) -> Finding:
    """What is found of a missing program once `setup` of queue.yaml is done."""
    if not finding.program or not setup:
        return finding
    try:
        done = _in_shell([*setup, f"echo; command -v {shlex.quote(finding.program)}"])
    except subprocess.TimeoutExpired:  # which the examination of the queue says
        return finding
    if done.returncode != 0:
        text = f"{finding.text}; nor is it there after setup of queue.yaml"
        return Finding("error", finding.what, text)
    place = done.stdout.strip().splitlines()[-1]
    return Finding("ok", finding.what, f"{place}, after setup of queue.yaml")


def _in_shell(lines: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-l"],
        input="\n".join(("set -e", *lines)),
        capture_output=True, text=True, timeout=SETUP_SECONDS,
    )  # fmt: skip


def _setup(limits: QueueLimits) -> Iterator[Finding]:
    """Whether the script's first lines work, here at least, and Python is where they say."""
    python = limits.python
    if python is not None and shutil.which(python) is None:
        yield Finding("warning", "python of jobs", f"{python} is not there on this machine")
    if not limits.setup:
        return
    try:
        done = _in_shell(limits.setup)
    except subprocess.TimeoutExpired:
        yield Finding("error", "modules", f"setup takes longer than {SETUP_SECONDS:.0f} s")
        return
    complaint = " ".join(done.stderr.split()[-40:])
    # `module` of some sites complains, but ends well
    if done.returncode != 0 or "Unable to locate a modulefile" in done.stderr:
        yield Finding(
            "error", "modules", f"setup of queue.yaml fails: {complaint}", "`module avail`"
        )
    else:
        yield Finding("ok", "modules", f"{len(limits.setup)} lines of setup work here")
