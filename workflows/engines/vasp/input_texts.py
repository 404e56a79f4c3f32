"""What a step's input files say, as text: INCAR with a comment on each tag, KPOINTS, POSCAR."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms

from natriface.structures.base.atoms import fixed_indices, in_plane_fixed_indices
from natriface.workflows.engines.kpoints import vacuum_axes
from natriface.workflows.engines.vasp.incar.settings import DESCRIPTIONS

if TYPE_CHECKING:
    from natriface.workflows.engines.vasp.inputs import VaspInputs


def incar_text(inputs: VaspInputs) -> str:
    """The INCAR: decisions and warnings, then each tag under what it is and where it comes from."""
    title = " ".join(inputs.name.split())  # a line break would end the comment
    lines = [f"# {title}: {inputs.kind}"]
    said = [*inputs.notes, *(f"warning: {text}" for text in inputs.warnings)]
    lines += [f"# {' '.join(text.split())}" for text in said]
    for tag, value in inputs.tags.items():
        what = DESCRIPTIONS.get(tag, "see the VASP manual")
        source = " ".join(inputs.sources.get(tag, "set in the study").split())
        lines += [f"# {what}. {source}"]
        text = _in_runs(value) if tag == "MAGMOM" else _incar_value(value)
        lines += [f"{tag} = {text}"]
    return "\n".join(lines) + "\n"


def kpoints_text(inputs: VaspInputs) -> str:
    """The KPOINTS file."""
    spacing = inputs.keys.kpoint_spacing_per_angstrom
    divisions = " ".join(str(n) for n in inputs.mesh)
    along = ", one along vacuum" if any(vacuum_axes(inputs.atoms)) else ""
    return f"at most {spacing:g} 1/A apart{along}\n0\nGamma\n{divisions}\n0 0 0\n"


def poscar_text(atoms: Atoms, title: str) -> str:
    """A POSCAR in fractions of the cell, to 16 digits; frozen atoms by selective dynamics."""
    symbols = atoms.get_chemical_symbols()
    elements = list(dict.fromkeys(symbols))
    flags_of = dict.fromkeys(fixed_indices(atoms), "  F F F")
    flags_of |= dict.fromkeys(in_plane_fixed_indices(atoms), "  F F T")  # c is normal to a and b
    lines = [" ".join(title.split()) or "POSCAR", "1.0"]
    lines += ["".join(f" {x:21.16f}" for x in vector) for vector in np.asarray(atoms.cell)]
    lines += [" ".join(elements), " ".join(str(symbols.count(e)) for e in elements)]
    lines += ["Selective dynamics"] if flags_of else []
    lines += ["Direct"]
    for i, position in enumerate(atoms.get_scaled_positions(wrap=False)):
        flags = flags_of.get(i, "  T T T") if flags_of else ""
        lines.append("".join(f" {x:19.16f}" for x in position) + flags)
    return "\n".join(lines) + "\n"


def _incar_value(value: Any) -> str:
    if isinstance(value, bool):
        return ".TRUE." if value else ".FALSE."
    if isinstance(value, list):
        return " ".join(_incar_value(item) for item in value)
    return f'"{value}"' if isinstance(value, str) and "\n" in value else str(value)


def _in_runs(values: list[float]) -> str:
    """Values with equal ones that follow each other as ``57*0.0``, which VASP reads."""
    runs = [(value, len(list(group))) for value, group in groupby(values)]
    return " ".join(f"{n}*{value}" if n > 1 else str(value) for value, n in runs)
