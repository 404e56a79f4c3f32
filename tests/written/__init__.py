"""Small outputs of VASP and LOBSTER, written for the tests under the names of the real ones.

What is checked on a real file is so checked on one of the same kind, size aside, on any machine. A
file's numbers are invented; where a test names one, the file was made to hold it.
"""

from __future__ import annotations

from pathlib import Path

from tests.written import lobster_tree, vasp_tree


def write_all(folder: Path) -> Path:
    """Write the whole tree, as it lies in the folder ``data`` of the real ones."""
    for name, content in (lobster_tree.files() | vasp_tree.files()).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
