"""Steps of a study's interfaces: each interface relaxed, and the slabs its energies refer to."""

from __future__ import annotations

from pathlib import Path

from ase import Atoms

from natriface.structures.atoms import to_document
from natriface.workflows.builder import BuiltInterface, build_study
from natriface.workflows.plan import Step, StructureFrom
from natriface.workflows.step_maker import StepMaker
from natriface.workflows.study import Study


def steps(study: Study, make: StepMaker, root: Path) -> list[Step]:
    """The steps of all interfaces of a study.

    Raises
    ------
    StructureError
        If an interface is not to be had; says which.
    """
    return [step for built in build_study(study, root) for step in _steps(study, make, built)]


def _steps(study: Study, make: StepMaker, built: BuiltInterface) -> list[Step]:
    def alone(atoms: Atoms) -> Atoms:
        return _isolated(atoms, study.interfaces.vacuum_angstrom)

    def relax(role: str, atoms: Atoms, name: str) -> Step:
        metadata = {"role": role, "pair": built.label}
        return make.step(name, "relax", len(atoms), structure=to_document(atoms), metadata=metadata)

    interface = built.interface
    pair, film, substrate = built.label, built.film.label, built.substrate.label
    whole = relax("interface", interface.atoms, f"{pair} interface")
    steps: dict[str, Step] = {}
    if "interfacial_formation_energy" in study.quantities:
        steps["substrate"] = relax(
            "substrate", alone(interface.substrate_atoms), f"{pair} {substrate} slab"
        )
        steps["film"] = relax("film", alone(interface.film_atoms), f"{pair} {film} slab")
    if "work_of_adhesion" in study.quantities:
        for side, label, atoms in (
            ("substrate", substrate, interface.substrate_atoms),
            ("film", film, interface.film_atoms),
        ):
            steps[f"rigid_{side}"] = make.step(
                f"{pair} {label} rigid",
                "static",
                len(atoms),
                structure_from=StructureFrom(step=whole.id, select=side),  # type: ignore[arg-type]
                metadata={"role": f"rigid_{side}", "pair": pair},
            )
    references = {role: reference.id for role, reference in steps.items()}
    described = {
        "role": "interface",
        "reference_steps": references,
        "quantities": list(study.quantities),
        **built.describe(),
    }
    return [whole.model_copy(update={"metadata": described}), *steps.values()]


def _isolated(atoms: Atoms, vacuum_angstrom: float) -> Atoms:
    """A reference slab in the interface's in-plane cell with a vacuum of its own.

    Its height does not depend on the other side, so that one reference serves all interfaces
    that share it, and a periodic sandwich, which has no vacuum, has references too.
    """
    slab = atoms.copy()
    slab.center(vacuum=vacuum_angstrom / 2, axis=2)
    return slab
