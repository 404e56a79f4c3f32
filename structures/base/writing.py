"""Files that are there whole or not at all, and names for what is kept beside its successor."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4


def write_atomically(path: Path, text: str, mode: int = 0o666) -> None:
    """Write a text file so that a reader, or a crash, sees the old content or the new, whole.

    Parameters
    ----------
    mode
        Permissions, less the umask; 0o600 for what only the owner may read, from the first byte.
    """
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:12]}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def next_numbered(folder: Path, name: str) -> Path:
    """``name-N`` in a folder, N one more than the largest that is there; it is not made."""
    taken = (path.name.rpartition("-")[2] for path in folder.glob(f"{name}-*"))
    number = 1 + max((int(digits) for digits in taken if digits.isdecimal()), default=0)
    return folder / f"{name}-{number}"
