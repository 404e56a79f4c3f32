"""A study with its results as one file that says what is in it, and back again elsewhere.

The archive is a ZIP laid out as an RO-Crate 1.1 (https://w3id.org/ro/crate/1.1): the study with
the files it names, the steps' folders, the report, ``ro-crate-metadata.json``, and the SHA-256 of
every file in ``manifest-sha256.txt`` as `sha256sum` writes it. What is licensed (POTCAR), secret
(the way into a database) or of use to this machine only stays out.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import platform
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import yaml

from natriface.analysis.results.tidied import is_tidied, tidied_files
from natriface.structures.base.yaml_files import parse_yaml, read_yaml
from natriface.workflows.errors import WorkspaceError
from natriface.workflows.names import fitting_files, is_pattern
from natriface.workflows.study import load_study
from natriface.workflows.workspace import DECISIONS, MARKER_FILE, PLAN_FILE, Workspace, is_finished

METADATA_FILE = "ro-crate-metadata.json"
MANIFEST_FILE = "manifest-sha256.txt"
STUDY_FOLDER = "study"
WORKSPACE_FOLDER = "workspace"
NEVER = ("POTCAR", "POTCAR.*", "launchpad.yaml", "*.lock", "heartbeat", "revoked", ".*")
"""Licensed, secret, or of use to this machine only; POTCAR.spec, which is neither, is kept."""
LARGE = ("WAVECAR*", "CHG", "CHG.*", "CHGCAR*", "AECCAR*", "LOCPOT*", "TMPCAR*", "*.gpw")
"""What a calculation can go on from and no result needs."""
LIBRARIES = ("natriface", "ase", "pymatgen", "fireworks", "custodian", "numpy")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Archive:
    """What was written or read.

    Attributes
    ----------
    path
        The archive when written; the study's file when read.
    n_files, n_bytes
        Without the archive's own two documents.
    n_finished, n_steps
        Steps with a converged result, and all.
    """

    path: Path
    study: str
    n_files: int
    n_bytes: int
    n_finished: int
    n_steps: int


def export_study(
    study_file: Path, workspace: Workspace, target: Path, *, large: bool = False
) -> Archive:
    """Write a study and all it has found into one file.

    Parameters
    ----------
    study_file
        The study's YAML; files it names go along, and where they lie outside its folder, the
        archive's copy of the study names them anew.
    target
        The archive; appears whole or not at all.
    large
        Take along wavefunctions and densities too.

    Raises
    ------
    WorkspaceError
        If the workspace is another study's or was never submitted, or the target is there already.
    """
    study = load_study(study_file)
    workspace.require_of(study.name)
    planned = workspace.plan()
    if not planned:
        raise WorkspaceError(f"{workspace.root} has no steps yet: submit or run the study first")
    if target.exists():
        raise WorkspaceError(f"{target} is there already; name another file")
    folders = workspace.folders()
    finished = sum(s.id in folders and is_finished(folders[s.id]) for s in planned)
    draft = target.with_name(f".{target.name}.part")
    sums: dict[str, tuple[str, int]] = {}
    try:
        with zipfile.ZipFile(draft, "x", zipfile.ZIP_DEFLATED, allowZip64=True) as file:
            for name, content in _study_files(study_file):
                _add(file, f"{STUDY_FOLDER}/{name}", content, sums)
            for path, name in _workspace_files(workspace, large):
                _add(file, f"{WORKSPACE_FOLDER}/{name}", path, sums)
            crate = _crate(study.name, study.title, study_file.name, sums)
            file.writestr(METADATA_FILE, json.dumps(crate, indent=1))
            lines = (f"{digest}  {name}\n" for name, (digest, _) in sums.items())
            file.writestr(MANIFEST_FILE, "".join(lines))
        draft.rename(target)
    except FileExistsError:
        raise WorkspaceError(f"{draft} is there: another export is under way, or died") from None
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    total = sum(size for _, size in sums.values())
    return Archive(target, study.name, len(sums), total, finished, len(planned))


def import_study(archive: Path, root: Path) -> Archive:
    """Unpack an exported study into a new workspace; its finished steps are not run again.

    Raises
    ------
    WorkspaceError
        If it is no such archive, is damaged, holds files that would land elsewhere, or the
        workspace is there already.
    """
    root = root.expanduser().resolve()
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise WorkspaceError(f"{root} is there already; name a folder that is new or empty")
    root.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=root.parent, prefix=f".{root.name}-"))
    try:
        with zipfile.ZipFile(archive) as file:
            sums = _manifest(file, archive)
            total = 0
            for name, digest in sums.items():
                total += _extract(file, name, digest, draft, archive)
        workspace = Workspace.open(draft)
        study_file = _study_file(draft)
        study = load_study(study_file)
        planned, folders = workspace.plan(), workspace.folders()
        finished = sum(s.id in folders and is_finished(folders[s.id]) for s in planned)
        for name in ("steps", "logs"):
            (draft / name).mkdir(exist_ok=True)
        draft.chmod(0o755)
        if root.exists():
            root.rmdir()
        draft.rename(root)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise WorkspaceError(f"{archive} is not a whole archive ({error})") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    path = root / study_file.relative_to(draft)
    return Archive(path, study.name, len(sums), total, finished, len(planned))


# ---- what goes in -----------------------------------------------------------------------------


def _study_files(study_file: Path) -> Iterator[tuple[str, bytes]]:
    """The study and the files it names, recursively, under the names they have in the archive."""
    root = study_file.resolve().parent
    pending, names = [study_file.resolve()], {study_file.resolve(): study_file.name}
    while pending:
        path = pending.pop()
        content = path.read_bytes()
        if path.suffix in (".yaml", ".yml"):
            renamed: dict[str, str] = {}
            document = parse_yaml(content, str(path))
            fitting = [f for text in _strings(document) for f in _fitting(text, path.parent)]
            for named in fitting:
                if named.is_relative_to(root) and named not in names:
                    names[named] = _name_for(named, root, set(names.values()))
                    pending.append(named)
            for text in _strings(document):
                named = (path.parent / text).resolve()
                if not _is_file(named) or named == path:
                    continue
                if named not in names:
                    names[named] = _name_for(named, root, set(names.values()))
                    pending.append(named)
                here = PurePosixPath(names[path]).parent
                if (here / text).as_posix() != names[named]:
                    renamed[text] = "/".join([".."] * len(here.parts) + [names[named]])
            if renamed:
                document = _with_names(document, renamed)
                content = yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode()
        yield names[path], content


def _fitting(text: str, folder: Path) -> list[Path]:
    """The files that a pattern such as ``cifs/*.cif`` fits; a text without an ending is none."""
    path = Path(text)
    if not is_pattern(text) or not path.suffix or path.is_absolute():
        return []
    try:
        return [each.resolve() for each in fitting_files(text, folder)]
    except (OSError, ValueError):  # a sentence is no pattern
        return []


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a sentence is no path: too long, or with characters none may have
        return False


def _name_for(path: Path, root: Path, taken: set[str]) -> str:
    if path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    number, name = 1, f"files/{path.name}"
    while name in taken:
        number += 1
        name = f"files/{number}-{path.name}"
    return name


def _strings(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        if document and "\0" not in document and "\n" not in document:
            yield document
    elif isinstance(document, dict):
        for value in document.values():
            yield from _strings(value)
    elif isinstance(document, list):
        for value in document:
            yield from _strings(value)


def _with_names(document: Any, names: dict[str, str]) -> Any:
    if isinstance(document, str):
        return names.get(document, document)
    if isinstance(document, dict):
        return {key: _with_names(value, names) for key, value in document.items()}
    if isinstance(document, list):
        return [_with_names(value, names) for value in document]
    return document


def _workspace_files(workspace: Workspace, large: bool) -> Iterator[tuple[Path | bytes, str]]:
    unwanted = NEVER if large else (*NEVER, *LARGE)
    for name in (MARKER_FILE, PLAN_FILE):
        yield workspace.root / name, name
    planned = {step.id: step.folder for step in workspace.plan()}
    folders = workspace.folders()
    trees = [(folders[i], f"steps/{name}") for i, name in planned.items() if i in folders]
    for name in ("report", DECISIONS):
        if (workspace.root / name).is_dir():
            trees.append((workspace.root / name, name))
    for top, name in trees:
        if is_tidied(top):
            for file in tidied_files(top):
                if file.content is not None and not _is_unwanted(Path(file.name).name, unwanted):
                    yield file.content, f"{name}/{file.name}"
            continue
        resolved = top.resolve()  # a step shared with another study is a link
        for path in sorted(resolved.rglob("*")):
            if path.is_symlink() or not path.is_file() or _is_unwanted(path.name, unwanted):
                continue
            yield path, f"{name}/{path.relative_to(resolved).as_posix()}"


def _is_unwanted(name: str, patterns: tuple[str, ...]) -> bool:
    if name.startswith("POTCAR.spec"):
        return False
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _add(
    file: zipfile.ZipFile, name: str, content: Path | bytes, sums: dict[str, tuple[str, int]]
) -> None:
    digest, size = hashlib.sha256(), 0
    if isinstance(content, bytes):
        file.writestr(name, content)
        sums[name] = hashlib.sha256(content).hexdigest(), len(content)
        return
    with content.open("rb") as source, file.open(name, "w", force_zip64=True) as target:
        while chunk := source.read(_CHUNK):
            target.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    sums[name] = digest.hexdigest(), size


def _crate(name: str, title: str, study_file: str, sums: dict[str, tuple[str, int]]) -> Any:
    """The description of the archive in JSON-LD."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    software = [
        {"@id": f"#{library}", "@type": "SoftwareApplication", "name": library, "version": found}
        for library in LIBRARIES
        if (found := _version(library)) is not None
    ]
    software.append(
        {
            "@id": "#python",
            "@type": "SoftwareApplication",
            "name": "python",
            "version": platform.python_version(),
        }
    )
    files = [
        {"@id": path, "@type": "File", "contentSize": str(size), "sha256": digest}
        for path, (digest, size) in sums.items()
    ]
    about = {
        "@id": METADATA_FILE,
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "about": {"@id": "./"},
    }
    whole = {
        "@id": "./",
        "@type": "Dataset",
        "name": title,
        "identifier": name,
        "description": f"natriface study {name}: what was asked, every step's input and result",
        "datePublished": now,
        "license": "as the author of the study says",
        "mainEntity": {"@id": f"{STUDY_FOLDER}/{study_file}"},
        "hasPart": [{"@id": entry["@id"]} for entry in files],
    }
    made = {
        "@id": "#export",
        "@type": "CreateAction",
        "name": "natriface export",
        "endTime": now,
        "instrument": [{"@id": entry["@id"]} for entry in software],
        "result": {"@id": "./"},
    }
    return {
        "@context": "https://w3id.org/ro/crate/1.1/context",
        "@graph": [about, whole, made, *software, *files],
    }


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


# ---- what comes out ---------------------------------------------------------------------------


def _manifest(file: zipfile.ZipFile, archive: Path) -> dict[str, str]:
    """File -> SHA-256, of all that is to be unpacked."""
    try:
        text = file.read(MANIFEST_FILE).decode()
        crate = json.loads(file.read(METADATA_FILE))
    except (KeyError, ValueError) as error:
        raise WorkspaceError(f"{archive} is not an exported study ({error})") from None
    if not isinstance(crate, dict) or "@graph" not in crate:
        raise WorkspaceError(f"{archive} is not an exported study: {METADATA_FILE} has no @graph")
    sums: dict[str, str] = {}
    for line in text.splitlines():
        digest, _, name = line.partition("  ")
        sums[name] = digest
    inside = set(file.namelist()) - {MANIFEST_FILE, METADATA_FILE}
    if inside != set(sums):
        odd = sorted(inside.symmetric_difference(sums))[0]
        raise WorkspaceError(f"{archive}: {odd} is not in both the archive and its manifest")
    return sums


def _extract(file: zipfile.ZipFile, name: str, digest: str, root: Path, archive: Path) -> int:
    """Unpack one file and check it; its size."""
    room, *rest = PurePosixPath(name).parts
    info = file.getinfo(name)
    is_link = stat.S_ISLNK(info.external_attr >> 16)
    if room not in (STUDY_FOLDER, WORKSPACE_FOLDER) or not rest or ".." in rest or is_link:
        raise WorkspaceError(f"{archive}: {name!r} does not belong into a workspace")
    if PurePosixPath(name).is_absolute() or "\\" in name:
        raise WorkspaceError(f"{archive}: {name!r} does not belong into a workspace")
    target = root.joinpath(*([STUDY_FOLDER] if room == STUDY_FOLDER else []), *rest)
    target.parent.mkdir(parents=True, exist_ok=True)
    found = hashlib.sha256()
    with file.open(info) as source, target.open("xb") as copy:
        _copy(source, copy, found)  # type: ignore[arg-type]
    if found.hexdigest() != digest:
        raise WorkspaceError(f"{archive}: {name} is damaged: its SHA-256 is not the noted one")
    return info.file_size


def _copy(source: BinaryIO, target: BinaryIO, digest: Any) -> None:
    while chunk := source.read(_CHUNK):
        target.write(chunk)
        digest.update(chunk)


def _study_file(root: Path) -> Path:
    """The study among the unpacked files: the one the workspace is named after."""
    found = sorted((root / STUDY_FOLDER).glob("*.y*ml"))
    named = Workspace.open(root).study
    for path in found:
        if read_yaml(path).get("name") == named:
            return path
    raise WorkspaceError(f"the archive holds no study named {named!r}")
