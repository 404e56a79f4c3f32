"""Stands in for sbatch, squeue, sacct and scancel: keeps jobs in a folder, runs none of them.

A test runs the scripts itself and says, by `Queue`, what the queue is to answer.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

FOLDER = "NATRIFACE_STANDIN_QUEUE"


class Queue:
    """The queue as a test sees it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def install(cls, folder: Path) -> Queue:
        """Put the programs into ``folder/bin``."""
        programs = folder / "bin"
        programs.mkdir(parents=True)
        made = cls(folder)
        for name in ("sbatch", "squeue", "sacct", "scancel"):
            made._script(name, f'exec {sys.executable} {__file__} {name} "$@"')
        made.say("sinfo", error="sinfo: error: it knows nothing of partitions", code=1)
        return made

    def say(self, program: str, text: str = "", error: str = "", code: int = 0) -> None:
        """Have a program say this, whatever it is asked; it is put there if it was not."""
        words = self.folder / f"{program}.said"
        words.with_suffix(".out").write_text(text)
        words.with_suffix(".err").write_text(error)
        self._script(
            program,
            f'echo "$*" >> "{words}"; cat "{words.with_suffix(".out")}"; '
            f'cat "{words.with_suffix(".err")}" >&2; exit {code}',
        )

    def asked(self, program: str) -> list[str]:
        """What a program that `say` has put there was asked."""
        path = self.folder / f"{program}.said"
        return path.read_text().splitlines() if path.exists() else []

    def cluster(self, name: str) -> None:
        """Be one cluster of several: answer with its name, and only where it is named."""
        (self.folder / "cluster").write_text(name)

    def _script(self, name: str, command: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/bash\n{command}\n")
        path.chmod(0o755)

    def jobs(self) -> dict[str, dict[str, str]]:
        """Job number -> name, script, state and reason."""
        found = sorted(self.folder.glob("*.json"), key=lambda path: int(path.stem))
        return {path.stem: json.loads(path.read_text()) for path in found}

    def change(self, number: str, **content: str) -> None:
        """Change what the queue knows of a job."""
        path = self.folder / f"{number}.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **content}))

    def forget(self, number: str) -> None:
        """Know the job no more."""
        (self.folder / f"{number}.json").unlink()

    def fault(self, name: str | None) -> None:
        """``refuse`` jobs, take them but be ``mute`` about it, or be ``down``."""
        (self.folder / "fault").write_text(name or "")


def _main(program: str, words: list[str]) -> int:
    queue = Queue(Path(os.environ[FOLDER]))
    path = queue.folder / "fault"
    fault = path.read_text() if path.exists() else ""
    path = queue.folder / "cluster"
    cluster = path.read_text() if path.exists() else ""
    if fault == "down":
        print("slurm_load_jobs error: Unable to contact slurm controller", file=sys.stderr)
        return 1
    if program == "sbatch":
        if fault == "refuse":
            print("sbatch: error: Batch job submission failed: Invalid account", file=sys.stderr)
            return 1
        script = words[-1]
        (line,) = (x for x in Path(script).read_text().splitlines() if "--job-name=" in x)
        number = str(1 + max((int(known) for known in queue.jobs()), default=0))
        job = {"name": line.partition("=")[2], "script": script, "state": "PENDING", "reason": ""}
        (queue.folder / f"{number}.json").write_text(json.dumps(job))
        if fault == "mute":
            print("sbatch: error: Socket timed out on send/recv operation", file=sys.stderr)
            return 1
        number += f";{cluster}" if cluster else ""
        print(number if "--parsable" in words else f"Submitted batch job {number}")
    elif cluster and (cluster not in words or words[words.index(cluster) - 1] != "-M"):
        return 0
    elif program == "squeue":
        wanted = words[words.index("--name") + 1] if "--name" in words else None
        for number, job in queue.jobs().items():
            if wanted in (None, job["name"]):
                print(f"{number}|{job['state']}|{job['reason']}|{job['name']}")
    elif program == "scancel":
        for number in (word for word in words if word.isdigit()):
            queue.change(number, state="CANCELLED")
    elif program == "sacct":
        print("Slurm accounting storage is disabled", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1], sys.argv[2:]))
