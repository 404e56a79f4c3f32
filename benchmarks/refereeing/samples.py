"""What potentials are held against: DFT energies of slabs, grain boundaries and their crystal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import ase.io
import numpy as np
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError

from benchmarks.refereeing.crystals import primitive_cell
from natriface.analysis.readers.vasp.folder import read_vasp_folder
from natriface.analysis.results.result import EngineRecord, Result, StepRecord
from natriface.structures.base.atoms import to_document
from natriface.structures.base.conversions import EV_PER_ANGSTROM2_IN_J_PER_M2
from natriface.structures.base.errors import ReaderError
from natriface.structures.crystals.phases import load_phase

SAME_J_PER_M2 = 0.002
"""Cells of one facet, kind, formula and area whose DFT energies differ by less are one sample."""
XIE_EV_PER_ANGSTROM = 0.01
"""EDIFFG of Xie et al.; whether each relaxation came so far their data do not say."""

Kind = Literal["slab", "boundary"]


@dataclass(frozen=True)
class Sample:
    """A cell with two equal surfaces or grain boundaries, as DFT has it.

    Attributes
    ----------
    name, facet
        The facet is the name up to its first underscore: samples of one are no independent ones.
    dft
        Geometry and energy.
    """

    name: str
    facet: str
    kind: Kind
    dft: Result


@dataclass(frozen=True)
class Reference:
    """Samples and the crystal that they are counted against.

    Attributes
    ----------
    bulk
        The crystal's DFT energy and geometry.
    bulk_relaxed
        Whether each potential relaxes the crystal's atoms, the cell kept: DFT's are not known.
    n_files
        Number of cells read, of which the samples are the distinct ones.
    fmax_ev_per_angstrom
        To which DFT was asked to relax the samples' atoms; ``None`` where that is not known.
    """

    samples: tuple[Sample, ...]
    bulk: Result
    bulk_relaxed: bool
    n_files: int
    fmax_ev_per_angstrom: float | None = None


def dft_result(atoms: Atoms, energy_ev: float, name: str, settings: dict[str, Any]) -> Result:
    """A DFT energy of a geometry as a `Result`, its source's settings among its own."""
    return Result(
        kind="static",
        status="converged",
        engine=EngineRecord(name="DFT", version="as published"),
        settings=settings,
        step=StepRecord(id="", name=name),
        energy_ev=energy_ev,
        final_structure=to_document(atoms),
    )


def area_angstrom2(atoms: Atoms) -> float:
    """In-plane area of a cell."""
    return float(np.linalg.norm(np.cross(atoms.cell[0], atoms.cell[1])))


def is_multiple(atoms: Atoms, crystal: Atoms) -> bool:
    """Whether a cell has the composition of a crystal."""
    own, its = (np.bincount(a.numbers, minlength=120) / len(a) for a in (atoms, crystal))
    return bool(np.allclose(own, its))


def per_face_j_per_m2(energy_ev: float, atoms: Atoms) -> float:
    """An energy of a cell with two equal faces, of each."""
    return energy_ev / (2 * area_angstrom2(atoms)) * EV_PER_ANGSTROM2_IN_J_PER_M2


def cell_key(sample: Sample) -> tuple[Any, ...]:
    """Alike for samples whose energies can be compared without the crystal."""
    atoms = sample.dft.final_atoms()
    area = round(area_angstrom2(atoms), 2)
    return (sample.kind, sample.facet, atoms.get_chemical_formula(), area)


def distinct(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """One sample of each DFT minimum, small cells first; see `SAME_J_PER_M2`."""
    kept: list[Sample] = []
    seen: dict[tuple[Any, ...], list[float]] = {}
    for sample in samples:
        per_area = per_face_j_per_m2(sample.dft.converged_energy_ev(), sample.dft.final_atoms())
        known = seen.setdefault(cell_key(sample), [])
        if all(abs(per_area - other) > SAME_J_PER_M2 for other in known):
            known.append(per_area)
            kept.append(sample)
    return tuple(sorted(kept, key=lambda s: len(s.dft.final_atoms())))


def small_enough(reference: Reference, n_atoms: int) -> Reference:
    """The samples of at most so many atoms."""
    kept = [s for s in reference.samples if len(s.dft.final_atoms()) <= n_atoms]
    return replace(reference, samples=tuple(kept))


def read_xie(folder: Path) -> Reference:
    """NZSP of Xie et al., Adv. Energy Mater. (2023), 10.1002/aenm.202304230, MIT licence.

    Their data have no crystal. Its energy follows from the energies and boundary energies that they
    give, its cell is the library's, which was recovered from one of their slabs.

    Parameters
    ----------
    folder
        Holds ``slab`` and ``grainboundary``, of ``project_grainboundary`` by caneparesearch.

    Raises
    ------
    ReaderError
        If the stoichiometric boundaries do not tell one energy of the crystal.
    """
    bulk = primitive_cell(load_phase("NZSP").atoms)
    samples, energies_ev = [], []
    kinds: tuple[tuple[Kind, str], ...] = (("slab", "slab"), ("boundary", "grainboundary"))
    for kind, below in kinds:
        for path in sorted((folder / below).glob("*.json")):
            content = json.loads(path.read_text())
            atoms = _from_pymatgen_document(content["relaxed_structures"])
            energy_ev = content["final_energy"]
            facet = path.stem.partition("_")[0]
            result = dft_result(atoms, energy_ev, f"{kind} {path.stem}", {"functional": "PBE"})
            samples.append(Sample(f"{kind} {path.stem}", facet, kind, result))
            if kind == "boundary" and is_multiple(atoms, bulk):
                excess_ev = 2 * area_angstrom2(atoms) * content["sigma"]
                energies_ev.append((energy_ev - excess_ev) / len(atoms))
    if not energies_ev or np.ptp(energies_ev) > 1e-4:
        raise ReaderError(
            f"{folder}: the stoichiometric boundaries tell no one energy of the crystal; the "
            "benchmark needs slab/ and grainboundary/ of nasicon of project_grainboundary"
        )
    energy = float(np.median(energies_ev)) * len(bulk)
    reference = dft_result(bulk, energy, "NZSP", {"functional": "PBE"})
    return Reference(distinct(samples), reference, True, len(samples), XIE_EV_PER_ANGSTROM)


def read_own(folder: Path) -> Reference:
    """Slabs of one's own: ``FOLDER/bulk`` and, beside it, a slab each.

    Each is a folder of a VASP run or a file that ASE reads with its energy (extended XYZ, ...),
    its third axis across the slab. Names are ``FACET_anything``.

    Raises
    ------
    ReaderError
        If there is no crystal, no slab, or one without an energy.
    """
    places = [p for p in sorted(folder.iterdir()) if not p.name.startswith(".")]
    bulk = [p for p in places if p.stem == "bulk"]
    slabs = [p for p in places if p.stem != "bulk"]
    if len(bulk) != 1 or not slabs:
        raise ReaderError(
            f"{folder}: {len(bulk)} crystals and {len(slabs)} slabs; give one named bulk (a VASP "
            "folder or a file with an energy), and slabs named FACET_anything beside it"
        )
    samples = [Sample(p.stem, p.stem.partition("_")[0], "slab", _read_one(p)) for p in slabs]
    return Reference(distinct(samples), _read_one(bulk[0]), False, len(samples))


def _read_one(path: Path) -> Result:
    if path.is_dir():
        result = read_vasp_folder(path)
        return result.model_copy(update={"step": StepRecord(id="", name=path.stem)})
    try:
        atoms = ase.io.read(path)
        energy_ev = atoms.get_potential_energy()
    except (
        RuntimeError,
        PropertyNotImplementedError,
        ase.io.formats.UnknownFileTypeError,
    ) as error:
        raise ReaderError(
            f"{path}: no geometry with an energy ({error}); give an extended XYZ file with "
            "energy=... in its second line, or the folder of the VASP run"
        ) from None
    return dft_result(atoms, float(energy_ev), path.stem, {})


def _from_pymatgen_document(content: dict[str, Any]) -> Atoms:
    sites: Sequence[dict[str, Any]] = content["sites"]
    return Atoms(
        [site["species"][0]["element"] for site in sites],
        positions=[site["xyz"] for site in sites],
        cell=content["lattice"]["matrix"],
        pbc=True,
    )
