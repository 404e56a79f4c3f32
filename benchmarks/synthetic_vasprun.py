"""A vasprun.xml of any size, its numbers random but consistent, printed in VASP's own formats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from natriface.structures.base.arrays import FloatArray

ORBITALS = ("s", "py", "pz", "px", "dxy", "dyz", "dz2", "dxz", "x2-y2")
_ELEMENTS = (("Na", 0.25), ("Zr", 0.1), ("Si", 0.12), ("P", 0.05), ("O", 0.46), ("F", 0.02))


@dataclass(frozen=True)
class Shape:
    """What to print.

    Attributes
    ----------
    n_components
        1, 2 (spins) or 4 (non-collinear).
    n_optional
        k-points of a KPOINTS_OPT, printed before the mesh's electronic structure.
    modern
        Whether outer energies are right, as in VASP 6, or interchanged, as in VASP 5.
    """

    n_atoms: int = 4
    n_kpoints: int = 3
    n_bands: int = 6
    n_dos: int = 11
    n_components: int = 2
    n_steps: int = 1
    projected: bool = True
    modern: bool = True
    nsw: int = 0
    ibrion: int = -1
    ediffg: float = -0.02
    nelm: int = 60
    largest_force: float = 0.01
    selective: bool = False
    n_optional: int = 0
    seed: int = 0

    @property
    def n_spins(self) -> int:
        """Number of sets of eigenvalues."""
        return 2 if self.n_components == 2 else 1


def write_vasprun(path: Path, shape: Shape) -> Path:
    """Write the file and return its path."""
    with path.open("wb") as file:
        Writer(file, shape).write()
    return path


class Writer:
    """The writer; another crystal or other electrons come by other attributes and methods."""

    def __init__(self, file: BinaryIO, shape: Shape) -> None:
        self.file, self.shape = file, shape
        self.random = np.random.default_rng(shape.seed)
        counts = [max(1, round(share * shape.n_atoms)) for _, share in _ELEMENTS]
        used = counts[: shape.n_atoms]
        used[-1 if shape.n_atoms < 5 else 4] += shape.n_atoms - sum(used)
        self.species = [(e, n) for (e, _), n in zip(_ELEMENTS, used, strict=False) if n > 0]
        self.cell = np.diag([8.0, 9.0, 10.0]) * max(1.0, shape.n_atoms / 40) ** (1 / 3)
        self.cell = np.round(self.cell, 8)
        self.positions = np.round(self.random.random((shape.n_atoms, 3)), 8)
        self.fermi_ev = 2.13317482
        self.n_electrons = float(shape.n_bands // 2 * (1 if shape.n_components == 4 else 2))
        self.dos_energies = np.round(np.linspace(-42, 12, shape.n_dos), 4)

    def put(self, text: str) -> None:
        self.file.write(text.encode("latin-1"))

    def write(self) -> None:
        self._header()
        for step in range(self.shape.n_steps):
            self._step(step)
        self._structure(' name="finalpos" ')
        self.put("</modeling>\n")

    def _header(self) -> None:
        s = self.shape
        ispin = 2 if s.n_components == 2 else 1
        noncollinear = "T" if s.n_components == 4 else "F"
        version = "6.4.1" if s.modern else "5.4.4.18Apr17-6-g9f103f2a35"
        self.put(
            '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n <generator>\n'
            '  <i name="program" type="string">vasp </i>\n'
            f'  <i name="version" type="string">{version}  </i>\n </generator>\n <incar>\n'
            '  <i type="string" name="ALGO"> Normal</i>\n'
            f'  <i type="int" name="ISPIN">{ispin:6d}</i>\n </incar>\n <kpoints>\n'
            '  <generation param="Gamma">\n'
            f'   <v type="int" name="divisions">{s.n_kpoints:8d}{1:9d}{1:9d} </v>\n'
            '  </generation>\n  <varray name="kpointlist" >\n'
        )
        for k in range(s.n_kpoints):
            self._vector((k / s.n_kpoints, 0.0, 0.0), 3)
        self.put('  </varray>\n  <varray name="weights" >\n')
        weights = np.full(s.n_kpoints, round(1 / s.n_kpoints, 8))
        weights[0] += 1 - weights.sum()
        for weight in weights:
            self.put(f"   <v>  {weight:14.8f} </v>\n")
        self.put("  </varray>\n </kpoints>\n <parameters>\n")
        for name, value in {
            "NBANDS": s.n_bands,
            "ISPIN": ispin,
            "NELM": s.nelm,
            "NSW": s.nsw,
            "IBRION": s.ibrion,
            "NEDOS": s.n_dos,
            "ISMEAR": 0,
        }.items():
            self.put(f'  <i type="int" name="{name}">{value:6d}</i>\n')
        for name, number in {
            "ENMAX": 480.0,
            "EDIFF": 1e-5,
            "EDIFFG": s.ediffg,
            "SIGMA": 0.05,
            "NELECT": self.n_electrons,
        }.items():
            self.put(f'  <i name="{name}">{number:16.8f}</i>\n')
        self.put(
            f'  <i type="logical" name="LNONCOLLINEAR"> {noncollinear}  </i>\n'
            '  <separator name="response functions" >\n'
            '   <i type="int" name="NELM">     1</i>\n  </separator>\n </parameters>\n'
        )
        self._atoms()
        self._structure(' name="initialpos" ', selective=s.selective)

    def _atoms(self) -> None:
        head = '   <dimension dim="1">ion</dimension>\n   <field type="string">element</field>\n'
        self.put(
            f" <atominfo>\n  <atoms>{self.shape.n_atoms:8d} </atoms>\n"
            f'  <types>{len(self.species):8d} </types>\n  <array name="atoms" >\n{head}   <set>\n'
        )
        for kind, (element, count) in enumerate(self.species):
            self.put(f"    <rc><c>{element:<2s}</c><c>{kind + 1:4d}</c></rc>\n" * count)
        number, text = ' type="int"', ' type="string"'
        fields = [(number, "atomspertype"), (text, "element"), ("", "mass"), ("", "valence")]
        fields.append((text, "pseudopotential"))
        types = '   <dimension dim="1">type</dimension>\n' + "".join(
            f"   <field{kind}>{name}</field>\n" for kind, name in fields
        )
        self.put(f'   </set>\n  </array>\n  <array name="atomtypes" >\n{types}   <set>\n')
        for element, count in self.species:
            title = f"  PAW_PBE {element} 08Apr2002"
            self.put(
                f"    <rc><c>{count:4d}</c><c>{element:<2s}</c><c>{15:16.8f}</c><c>{6:16.8f}</c>"
                f"<c>{title:<40s}</c></rc>\n"
            )
        self.put("   </set>\n  </array>\n </atominfo>\n")

    def _vector(self, values: tuple[float, ...], indent: int) -> None:
        self.put(" " * indent + "<v>  {:14.8f} {:14.8f} {:14.8f} </v>\n".format(*values))

    def _array(self, name: str, rows: FloatArray) -> None:
        self.put(f'  <varray name="{name}" >\n')
        for row in rows:
            self._vector(tuple(row), 3)
        self.put("  </varray>\n")

    def _structure(self, name: str, selective: bool = False) -> None:
        self.put(f" <structure{name}>\n  <crystal>\n")
        self._array("basis", self.cell)
        self.put(f'   <i name="volume">{np.linalg.det(self.cell):16.8f} </i>\n')
        self._array("rec_basis", np.linalg.inv(self.cell).T)
        self.put("  </crystal>\n")
        self._array("positions", self.positions)
        if selective:
            self.put('  <varray name="selective"  type="logical" >\n')
            for i in range(len(self.positions)):
                flag = "F" if i == 0 else "T"
                self.put(f'   <v type="logical" >  {flag}  {flag}  {flag} </v>\n')
            self.put("  </varray>\n")
        self.put(" </structure>\n")

    def _energies(self, free: float, flat: float, zero: float) -> None:
        self.put(
            f'   <energy>\n    <i name="e_fr_energy">{free:16.8f} </i>\n'
            f'    <i name="e_wo_entrp">{flat:16.8f} </i>\n'
            f'    <i name="e_0_energy">{zero:16.8f} </i>\n   </energy>\n'
        )

    def _step(self, step: int) -> None:
        s = self.shape
        free = -123.4 * s.n_atoms - 0.001 * step
        self.put(" <calculation>\n")
        for shift in (10.0, 0.1, 1e-6, 0.0):
            inner = free + shift
            self.put('  <scstep>\n   <time name="dav">    1.00    1.00</time>\n')
            self._energies(inner, inner + 0.002, inner + 0.001)
            self.put("  </scstep>\n")
        self._structure("")
        forces = self.random.normal(size=(s.n_atoms, 3))
        forces = np.round(forces * s.largest_force / np.linalg.norm(forces, axis=1).max(), 8)
        forces[0] -= forces.sum(axis=0)
        self._array("forces", forces)
        self._array("stress", np.diag([-2.5, 1.25, 0.5]))
        if s.modern:
            self._energies(free, free + 0.002, free + 0.001)
        else:
            self._energies(free, free + 0.001, -0.002)
        self.put('  <time name="totalsc">   21.16   21.54</time>\n')
        if step == s.n_steps - 1:
            if s.n_optional:
                self._optional()
            self._electrons()
        self.put(" </calculation>\n")

    def _sets(self, label: str, n: int) -> list[str]:
        return [f'<set comment="{label} {i + 1}">\n' for i in range(n)]

    def _electrons(self) -> None:
        bands = "".join(self._bands(*self.levels(self.shape.n_kpoints)))
        self.put(bands)
        self._dos()
        if self.shape.projected:
            self.put("  <projected>\n" + bands)
            self._projections(self.shape.n_kpoints)
            self.put("  </projected>\n")

    def _optional(self) -> None:
        n = self.shape.n_optional
        self._dos(' comment="kpoints_opt"')
        self.put(
            '  <eigenvalues_kpoints_opt comment="kpoints_opt">\n   <kpoints>\n'
            '    <varray name="kpointlist" >\n'
        )
        for k in range(n):
            self._vector((0.0, k / n, 0.0), 5)
        self.put('    </varray>\n    <varray name="weights" >\n')
        self.put(f"     <v>  {1 / n:14.8f} </v>\n" * n)
        self.put("    </varray>\n   </kpoints>\n")
        levels, filling = self.levels(n)
        bands = "".join(self._bands(levels, filling))
        self.put("".join(self._bands(levels)))
        self.put("  </eigenvalues_kpoints_opt>\n")
        if self.shape.projected:
            self.put("  <projected_kpoints_opt>\n" + bands)
            self._projections(n)
            self.put("  </projected_kpoints_opt>\n")

    def levels(self, n_kpoints: int) -> tuple[FloatArray, FloatArray]:
        """Energies and occupations, (spin, k-point, band)."""
        s = self.shape
        levels = np.sort(self.random.uniform(-20, 0, (s.n_spins, n_kpoints, s.n_bands)), axis=2)
        filled = s.n_bands // 2
        levels[:, :, filled:] += 25
        filling = np.zeros(levels.shape)
        filling[:, :, :filled] = 1
        return levels, filling

    def _bands(
        self,
        levels: FloatArray,
        filling: FloatArray | None = None,
    ) -> list[str]:
        dimensions = ("band", "kpoint", "spin")
        parts = ["  <eigenvalues>\n   <array>\n"]
        parts += [
            f'    <dimension dim="{i + 1}">{d}</dimension>\n' for i, d in enumerate(dimensions)
        ]
        occupied = "" if filling is None else "    <field>occ</field>\n"
        parts.append(f"    <field>eigene</field>\n{occupied}    <set>\n")
        for spin in range(levels.shape[0]):
            parts.append(f'     <set comment="spin {spin + 1}">\n')
            for k, label in enumerate(self._sets("kpoint", levels.shape[1])):
                columns = (
                    [levels[spin, k]] if filling is None else [levels[spin, k], filling[spin, k]]
                )
                form = "       <r>" + "%10.4f" * len(columns) + " </r>\n"
                table = np.column_stack(columns)
                rows = (form * len(table)) % tuple(table.ravel())
                parts += ["      ", label, rows, "      </set>\n"]
            parts.append("     </set>\n")
        parts.append("    </set>\n   </array>\n  </eigenvalues>\n")
        return parts

    def _fields(self, names: tuple[str, ...], first: str = "") -> str:
        lines = [f"     <field>{first}</field>\n"] if first else []
        return "".join(lines + [f"     <field>{name:>5s}</field>\n" for name in names])

    def _dos(self, attributes: str = "") -> None:
        s = self.shape
        energies = self.dos_energies
        self.put(
            f'  <dos{attributes}>\n   <i name="efermi">{self.fermi_ev:16.8f} </i>\n'
            "   <total>\n    <array>\n"
            "     <field>energy</field>\n     <field>total</field>\n"
            "     <field>integrated</field>\n     <set>\n"
        )
        for component, label in enumerate(self._sets("spin", s.n_components)):
            table = np.column_stack([energies, *self.total_density(component)])
            rows = ("       <r>%11.4f%11.4f%11.4f </r>\n" * s.n_dos) % tuple(table.ravel())
            self.put("      " + label + rows + "      </set>\n")
        self.put("     </set>\n    </array>\n   </total>\n")
        if s.projected:
            self.put(
                "   <partial>\n    <array>\n" + self._fields(ORBITALS, "energy") + "     <set>\n"
            )
            form = "        <r>" + "%11.4f" * (1 + len(ORBITALS)) + " </r>\n"
            for number, ion in enumerate(self._sets("ion", s.n_atoms)):
                self.put("      " + ion)
                for component, label in enumerate(self._sets("spin", s.n_components)):
                    table = np.column_stack([energies, self.partial_density(number, component)])
                    rows = (form * s.n_dos) % tuple(table.ravel())
                    self.put("       " + label + rows + "       </set>\n")
                self.put("      </set>\n")
            self.put("     </set>\n    </array>\n   </partial>\n")
        self.put("  </dos>\n")

    def total_density(self, component: int) -> tuple[FloatArray, FloatArray]:
        """Total density of states and its integral, (energy,)."""
        s = self.shape
        filled = s.n_bands // 2 * (2 if s.n_components == 1 else 1)
        density = self.random.random(s.n_dos)
        below = np.searchsorted(self.dos_energies, self.fermi_ev)
        density *= 100 * filled / np.cumsum(density)[below]
        density = np.round(density, 4)
        return density, np.cumsum(density) / 100

    def partial_density(self, ion: int, component: int) -> FloatArray:
        """Projected density of states of an ion, (energy, orbital)."""
        return self.random.gamma(0.2, 0.5, (self.shape.n_dos, len(ORBITALS)))

    def _projections(self, n_kpoints: int) -> None:
        s = self.shape
        form = "         <r>" + "%8.4f" * len(ORBITALS) + " </r>\n"
        self.put("   <array>\n" + self._fields(ORBITALS) + "    <set>\n")
        for component in range(s.n_components):
            self.put(f'     <set comment="spin{component + 1}">\n')
            for kpoint in self._sets("kpoint", n_kpoints):
                self.put("      " + kpoint)
                for band in self._sets("band", s.n_bands):
                    weights = self.random.gamma(0.2, 0.05, (s.n_atoms, len(ORBITALS)))
                    if component:
                        weights *= np.where(self.random.random(weights.shape) < 0.1, -1, 1)
                    rows = (form * s.n_atoms) % tuple(weights.ravel())
                    self.put("       " + band + rows + "       </set>\n")
                self.put("      </set>\n")
            self.put("     </set>\n")
        self.put("    </set>\n   </array>\n")
