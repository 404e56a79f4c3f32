"""The process of a job, as scripts name it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("module", ["queue_job", "jobs.process"])
def test_scripts_that_wait_in_a_queue_name_a_module_that_is_there(
    module: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-P", "-m", f"natriface.workflows.{module}", str(tmp_path), "nf-1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {tmp_path}")
    assert done.stderr.count("\n") == 1
