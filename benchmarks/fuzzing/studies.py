"""Studies, protocols, the machine's file, a queue's limits and launchpad files, in YAML."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from benchmarks.fuzzing.target import Reading, Seed, Target
from natriface.structures.base.yaml_files import read_yaml
from natriface.workflows.engines.machine import Machine
from natriface.workflows.launchpad.connection import use_mongodb
from natriface.workflows.planning import lacking, plan_study
from natriface.workflows.protocols import load_protocol
from natriface.workflows.queues.limits import load_limits
from natriface.workflows.study import load_study
from natriface.workflows.validation import validated
from natriface.workflows.workspace import Workspace

SMALL = b"""name: small
title: Na on NaF, hops, adatoms and a crystal
substrates:
  NaF: &slab {phase: NaF, miller: [1, 0, 0], layers: 1}
films:
  Na: {<<: *slab, phase: Na, layers: 2}
interfaces: {vacuum_angstrom: 15, registry: [0.1, 0.0]}
settings: {relax: {max_steps: 100, fmax_ev_per_angstrom: 1e-2}}
adsorption:
  surfaces:
    NaF surface: {phase: NaF, miller: [1, 0, 0], layers: 3, repeats: [2, 2], sites: [on-top Na]}
electronic_structure:
  crystals:
    NaF crystal: {phase: NaF}
    smaller: {like: NaF crystal, scale: 0.98}
compare_with: li2025
"""
MACHINE = b"""vasp_command: srun vasp_std
cores: 8
memory_mb: 16000
incar: {NCORE: 4, KPAR: 2}
walltime_hours: 24.0
gpaw_parallel: {band: 2}
"""
LIMITS = b"""queue: slurm
partition: short
max_walltime_hours: 12
cores_per_node: 64
engines: {vasp: {tasks: 32, nodes: 2}}
setup: [module load vasp]
environment: {OMP_NUM_THREADS: '1'}
"""
LAUNCHPAD = b"""host: localhost
port: 27017
name: fireworks
username: null
password: null
mongoclient_kwargs: {tls: false}
"""


def _of_templates(room: str, name: str) -> list[Seed]:
    folder = files("natriface.templates") / room
    return [
        Seed(entry.name, {name: entry.read_bytes()})
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    ]


def _flat(content: Any, path: str = "") -> Mapping[str, Any]:
    """Every value of a document under its path."""
    if isinstance(content, dict):
        pairs = content.items()
    elif isinstance(content, list):
        pairs = dict(enumerate(content)).items()  # type: ignore[assignment]
    else:
        return {path: content}
    return {k: v for key, value in pairs for k, v in _flat(value, f"{path}.{key}").items()}


def _study(folder: Path) -> Reading:
    return Reading(_flat(load_study(folder / "study.yaml").model_dump(mode="json")))


def _plan(folder: Path) -> Reading:
    study = load_study(folder / "study.yaml")
    plan = plan_study(study, folder, to_run=False)
    return Reading({step.name: step.id for step in plan.walk()}, lacking(plan))


def _protocol(folder: Path) -> Reading:
    return Reading(_flat(load_protocol("mine.yaml", folder).model_dump(mode="json")))


def _machine(folder: Path) -> Reading:
    path = folder / "config.yaml"
    return Reading(_flat(validated(Machine, read_yaml(path), str(path)).model_dump(mode="json")))


def _limits(folder: Path) -> Reading:
    return Reading(_flat(load_limits(folder / "queue.yaml").model_dump(mode="json")))


def _launchpad(folder: Path) -> Reading:
    place = Workspace.create(folder / "workspace", "fuzzed")
    use_mongodb(place, folder / "launchpad.yaml")
    return Reading(_flat(read_yaml(place.launchpad_file)))


TARGETS = [
    Target(
        "study",
        lambda: [*_of_templates("studies", "study.yaml"), Seed("small", {"study.yaml": SMALL})],
        _study,
    ),
    Target("plan", lambda: [Seed("small", {"study.yaml": SMALL})], _plan),
    Target("protocol", lambda: _of_templates("protocols", "mine.yaml"), _protocol),
    Target("machine", lambda: [Seed("small", {"config.yaml": MACHINE})], _machine),
    Target("queue limits", lambda: [Seed("small", {"queue.yaml": LIMITS})], _limits),
    Target("launchpad", lambda: [Seed("small", {"launchpad.yaml": LAUNCHPAD})], _launchpad),
]
