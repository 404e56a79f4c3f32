"""GPAW's keywords for a step's settings and crystal, and what is doubtful about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ase import Atoms

from natriface.structures.base.atoms import fixed_indices, in_plane_fixed_indices
from natriface.workflows.engines.cautions import Electrons, cautions, gathered
from natriface.workflows.engines.gpaw.settings import ElectronicSettings, settings_of
from natriface.workflows.engines.kpoints import dipole_center, kpoint_mesh
from natriface.workflows.engines.magnetism import hubbard_of, initial_moments, why_spin
from natriface.workflows.plan import Step

START_MOMENT = 1.0
"""Bohr magnetons on each atom, as VASP starts: without any a cycle finds no magnetic solution."""


def gpaw_parameters(settings: ElectronicSettings, atoms: Atoms) -> dict[str, Any]:
    """The keywords of GPAW for a crystal; says nothing of files and cores.

    Frozen atoms count as different from free ones: forces may break the symmetry between them.
    """
    parameters: dict[str, Any] = {
        "mode": {"name": "pw", "ecut": settings.cutoff_ev},
        "xc": settings.functional,
        "kpts": {
            "size": kpoint_mesh(atoms, settings.kpoint_spacing_per_angstrom),
            "gamma": True,
        },
        "occupations": _occupations(settings),
        "convergence": {
            "energy": {
                "name": "energy",
                "tol": _energy_tolerance_ev(settings, len(atoms)),
                "relative": False,
            },
            "density": settings.density_convergence,
            "eigenstates": settings.eigenstates_convergence_ev2,
            "bands": settings.converged_bands,
        },
        "maxiter": settings.max_scf_iterations,
        "eigensolver": {"name": settings.eigensolver},
        "mixer": {
            "name": settings.mixer,
            **({} if settings.mixing is None else {"beta": settings.mixing}),
        },
    }
    held = {*fixed_indices(atoms), *in_plane_fixed_indices(atoms)}
    if settings.symmetry == "on":
        if held:
            parameters["symmetry"] = {"extra_ids": [int(i in held) for i in range(len(atoms))]}
    else:
        parameters["symmetry"] = {
            "point_group": False,
            "time_reversal": settings.symmetry == "time_reversal",
        }
    setups = _setups(settings, atoms)
    if setups:
        parameters["setups"] = {"default": "paw", **setups}
    if settings.bands is not None:
        parameters["nbands"] = settings.bands
    if spin_polarized(settings, atoms):
        parameters["spinpol"] = True
        if settings.magnetism == "auto":
            parameters["magmoms"] = initial_moments(atoms)
        elif not atoms.get_initial_magnetic_moments().any():
            alone = len(atoms) == 1
            parameters |= {"hund": True} if alone else {"magmoms": [START_MOMENT] * len(atoms)}
    if settings.charge_e:
        parameters["charge"] = settings.charge_e
    if settings.dipole == "auto" and dipole_center(atoms) is not None:
        parameters["poissonsolver"] = {"dipolelayer": "xy"}
    return parameters


def spin_polarized(settings: ElectronicSettings, atoms: Atoms) -> bool:
    """Whether a crystal is computed with spin."""
    if settings.magnetism == "auto":
        return why_spin(atoms, settings.charge_e) is not None
    return settings.spin_polarized


def _energy_tolerance_ev(settings: ElectronicSettings, n_atoms: int) -> float:
    each = settings.energy_convergence_ev_per_atom
    return settings.energy_convergence_ev if each is None else each * n_atoms


def _setups(settings: ElectronicSettings, atoms: Atoms) -> dict[str, str]:
    """Element -> name of its dataset, and a U in GPAW's words (``:d,3.25``)."""
    present = dict.fromkeys(atoms.get_chemical_symbols())
    hubbard = hubbard_of(settings.hubbard_u_ev, atoms)
    return {
        element: settings.paw_setups.get(element, "paw")
        + (f":{'spdf'[hubbard[element][0]]},{hubbard[element][1]:g}" if element in hubbard else "")
        for element in present
        if element in settings.paw_setups or element in hubbard
    }


def _occupations(settings: ElectronicSettings) -> dict[str, Any]:
    if settings.smearing == "gaussian":  # Methfessel-Paxton of order 0
        return {"name": "methfessel-paxton", "width": settings.smearing_ev, "order": 0}
    return {"name": settings.smearing, "width": settings.smearing_ev}


def doubts(steps: Sequence[Step]) -> list[str]:
    """What is doubtful about the settings of steps, as far as their structures are known."""
    found: dict[str, list[str]] = {}
    for step in steps:
        if step.structure is None:
            continue
        settings, atoms = settings_of(step), step.atoms()
        electrons = Electrons(
            charge_e=settings.charge_e,
            spin=spin_polarized(settings, atoms),
            hubbard=settings.hubbard_u_ev,
            dispersion=settings.dispersion != "none",
            kpoint_spacing_per_angstrom=settings.kpoint_spacing_per_angstrom,
            smearing_ev=settings.smearing_ev,
        )
        for text in cautions(atoms, electrons):
            found.setdefault(text, []).append(step.name)
    return gathered(found)
