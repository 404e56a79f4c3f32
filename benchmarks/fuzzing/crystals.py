"""Crystal files: CIF with and without redundant statements, POSCAR, extended XYZ."""

from __future__ import annotations

import gzip
import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import spglib
from ase import Atoms
from ase.io import write

from benchmarks.fuzzing.target import Reading, Seed, Target
from natriface.structures.base.symmetry import database_operations
from natriface.structures.crystals.phases import Phase, load_phase

CIF = """data_{name}
_cell_length_a {cell[0]:.5f}
_cell_length_b {cell[1]:.5f}
_cell_length_c {cell[2]:.5f}
_cell_angle_alpha {cell[3]:.3f}
_cell_angle_beta {cell[4]:.3f}
_cell_angle_gamma {cell[5]:.3f}
{stated}
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_symmetry_multiplicity
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
{sites}
"""


def cif(phase: Phase, listed: bool = True) -> str:
    """A phase of the library with its operations and all that can be said of it twice."""
    lines = []
    for i, site in enumerate(phase.sites):
        x, y, z = phase.scaled_positions[int(np.argmax(phase.site_indices == i))]
        for element, share in site.occupancy.items():
            place = f"{x:.5f} {y:.5f} {z:.5f} {float(share):.4f}"
            lines.append(f"{element}{i + 1} {element} {site.multiplicity} {place}")
    amounts = " ".join(f"{x}{n:g}" for x, n in phase.composition.items())
    stated = [
        f"_chemical_formula_sum '{amounts}'",
        f"_cell_volume {phase.volume_angstrom3:.3f}",
        f"_exptl_crystal_density_diffrn {phase.density_g_cm3:.3f}",
    ]
    if phase.hall_number is not None:
        symbol = spglib.get_spacegroup_type(phase.hall_number).international_full
        stated.append(f"_space_group_name_H-M_alt '{symbol}'")
    if listed and phase.hall_number is not None:
        stated += ["loop_", "_space_group_symop_operation_xyz"]
        operations = database_operations(phase.hall_number)
        for rotation, shift in zip(operations.rotations, operations.translations, strict=True):
            parts = (
                "".join(f"{'+' if n > 0 else '-'}{a}" for n, a in zip(row, "xyz", strict=True) if n)
                + f"{w:+.5f}"
                for row, w in zip(rotation, shift, strict=True)
            )
            stated.append(f"'{', '.join(parts)}'")
    return CIF.format(
        name=phase.name.replace("-", "_"),
        cell=phase.atoms.cell.cellpar() if phase.is_ordered else _cellpar(phase),
        stated="\n".join(stated),
        sites="\n".join(lines),
    )


def _cellpar(phase: Phase) -> np.ndarray:
    return Atoms(cell=phase.cell).cell.cellpar()


def _written(atoms: Atoms, form: str, **options: object) -> bytes:
    stream: io.StringIO | io.BytesIO = io.BytesIO() if form == "cif" else io.StringIO()
    write(stream, atoms, format=form, **options)
    content = stream.getvalue()
    return content if isinstance(content, bytes) else content.encode()


def cif_seeds() -> Sequence[Seed]:
    """Listed operations, a symbol alone, partly filled sites, packed, and as ASE writes one."""
    quartz = cif(load_phase("SiO2")).encode()
    return [
        Seed("quartz", {"x.cif": quartz}),
        Seed("halite", {"x.cif": cif(load_phase("NaCl"), listed=False).encode()}),
        Seed("disordered", {"x.cif": cif(load_phase("NZSP-R-3c")).encode()}),
        Seed("packed", {"x.cif.gz": gzip.compress(quartz, mtime=0)}),
        Seed("P1", {"x.cif": _written(load_phase("Na2SiO3").atoms, "cif")}),
    ]


def poscar_seeds() -> Sequence[Seed]:
    """Fractional, Cartesian with flags and a factor, and VASP 4 with symbols in the title."""
    atoms = load_phase("Na2SiO3").atoms
    plain = _written(atoms, "vasp", direct=True)
    head, _, _ = plain.decode().partition("Direct")
    flags = "\n".join(" ".join([*f"{x:.9f} {y:.9f} {z:.9f}".split(), "T T F"]) for x, y, z in
                      atoms.positions)  # fmt: skip
    cartesian = f"{head.replace(' 1.0', ' 1.00000', 1)}Selective dynamics\nCartesian\n{flags}\n"
    return [
        Seed("direct", {"POSCAR": plain}),
        Seed("cartesian", {"POSCAR": cartesian.encode()}),
        Seed("VASP 4", {"POSCAR": _written(atoms, "vasp", direct=True, vasp5=False)}),
    ]


def extxyz_seeds() -> Sequence[Seed]:
    """As ASE writes it."""
    return [Seed("Na2SiO3", {"x.extxyz": _written(load_phase("Na2SiO3").atoms, "extxyz")})]


def read(folder: Path) -> Reading:
    """What `natriface.structures` makes of the one file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # spglib's say nothing of the file
        phase = load_phase(str(next(folder.iterdir())))
    values = {
        "composition": {x: round(n, 6) for x, n in sorted(phase.composition.items())},
        "space group": phase.space_group_number,
        "density": round(phase.density_g_cm3, 3),
        "shortest distance": round(phase.shortest_distance_angstrom, 2),
        "ordered": str(phase.is_ordered),
    }
    return Reading(values, [phase.note] if phase.note else [])


def read_pymatgen(folder: Path) -> Reading:
    """The same numbers of pymatgen."""
    from pymatgen.core import Structure

    structure = Structure.from_file(str(next(folder.iterdir())))
    values = {
        "composition": {
            str(x): round(n, 6) for x, n in sorted(structure.composition.as_dict().items())
        },
        "density": round(float(structure.density), 3),
        "ordered": str(structure.is_ordered),
    }
    return Reading(values)


TOLERANCE = 2e-3
TARGETS = [
    Target("CIF", cif_seeds, read, read_pymatgen, "pymatgen", TOLERANCE),
    Target("POSCAR", poscar_seeds, read, read_pymatgen, "pymatgen", TOLERANCE),
    Target("extended XYZ", extxyz_seeds, read, tolerance=TOLERANCE),
]
