"""Files that are there whole or not at all."""

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
