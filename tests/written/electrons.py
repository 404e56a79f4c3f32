"""Densities of states as sums of Gaussian bands, printed as VASP and LOBSTER print them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from benchmarks.synthetic_vasprun import ORBITALS, Shape, Writer
from natriface.structures.base.arrays import FloatArray


@dataclass(frozen=True)
class Band:
    """A band of one element's shell: states an atom, both spins; energies on VASP's scale."""

    element: str
    shell: str
    center_ev: float
    states: float
    width_ev: float = 0.3


@dataclass(frozen=True)
class Electrons:
    """A crystal's bands.

    Attributes
    ----------
    edges_ev : valence-band maximum and conduction-band minimum; None for a metal
    n_electrons : as the settings of the run give them
    projected : the part of the states that VASP finds within its spheres
    """

    atoms: Atoms
    bands: tuple[Band, ...]
    fermi_ev: float
    edges_ev: tuple[float, float] | None
    n_electrons: float
    projected: float = 0.85
    grid_ev: tuple[float, float, int] = (-30.0, 15.0, 901)

    @property
    def energies_ev(self) -> FloatArray:
        low, high, n = self.grid_ev
        return np.linspace(low, high, n)

    def of_shell(self, atom: int, shell: str) -> FloatArray:
        """States/eV of one atom's shell, both spins; `shell` is ``p`` or ``3p``."""
        symbol = self.atoms[atom].symbol
        found = np.zeros(len(self.energies_ev))
        for band in self.bands:
            if band.element == symbol and shell in (band.shell, band.shell[-1]):
                x = (self.energies_ev - band.center_ev) / band.width_ev
                found += band.states * np.exp(-x * x / 2) / (band.width_ev * np.sqrt(2 * np.pi))
        return found

    def of_orbitals(self, atom: int, names: list[str], n_spins: int) -> FloatArray:
        """(n_orbitals, n_spins, n_energies), a shell's states in equal parts."""
        shells = [name.partition("_")[0] for name in names]
        parts = [self.of_shell(atom, shell) / shells.count(shell) / n_spins for shell in shells]
        return np.repeat(np.array(parts)[:, None], n_spins, axis=1)

    @property
    def total(self) -> FloatArray:
        parts = [self.of_shell(k, shell) for k in range(len(self.atoms)) for shell in "spd"]
        return np.sum(parts, axis=0)

    @classmethod
    def invented(
        cls, atoms: Atoms, basis: dict[str, tuple[str, ...]], fermi_ev: float
    ) -> Electrons:
        """A band a shell, around the Fermi level, on a coarse grid."""
        bands = tuple(
            Band(element, shell, fermi_ev - 4.0 * k, 2.0, 1.5)
            for element in dict.fromkeys(atoms.get_chemical_symbols())
            for k, shell in enumerate(basis[element])
        )
        return cls(atoms, bands, fermi_ev, None, 0.0, grid_ev=(fermi_ev - 10, fermi_ev + 3, 27))


def of_nacl(atoms: Atoms, grid_ev: tuple[float, float, int] = (-32.0, 8.0, 801)) -> Electrons:
    """Na 2p, Cl 3s and 3p below a gap of 5 eV; Na 2p 20.876 eV below the top."""
    top = -0.5
    bands = (
        Band("Na", "2p", top - 20.876, 6.0, 0.2),
        Band("Cl", "3s", top - 12.0, 2.0),
        Band("Cl", "3p", top - 2.0, 6.0),
        Band("Na", "3s", top + 6.5, 2.0),
    )
    n = 14.0 * len(atoms) / 2
    return Electrons(atoms, bands, top + 0.4, (top, top + 5.0), n, grid_ev=grid_ev)


def of_ypo4(atoms: Atoms) -> Electrons:
    """P 3p with three bands: centers of -8.38, -9.90 and -4.87 eV over all, occupied, [-12, 0].

    These are the numbers of a real YPO4, as are the edges, the Fermi level above the top, and the
    78 % projected. The bands' places from the Fermi level are chosen, their states follow.
    """
    fermi, deep, middle, empty = 2.1332, -19.0, -4.87, 6.0
    below = (middle + 9.90) / (-9.90 - deep)  # states of the deep band for one of the middle one
    above = (1 + below) * (-8.38 + 9.90) / (empty + 8.38)
    bands = (
        Band("P", "3p", fermi + deep, below),
        Band("P", "3p", fermi + middle, 1.0),
        Band("P", "3p", fermi + empty, above),
        Band("O", "2s", fermi - 19.5, 1.6),
        Band("O", "2p", fermi - 3.0, 4.5, 0.8),
        Band("Y", "5s", fermi + 7.0, 1.0),
    )
    return Electrons(atoms, bands, fermi, (2.1029, 7.9028), 80.0, projected=0.78)


def of_oso2(atoms: Atoms) -> Electrons:
    """A metal."""
    bands = (Band("Os", "5d", 4.0, 6.0, 2.5), Band("O", "2p", -2.0, 5.0, 1.5))
    return Electrons(atoms, bands, 5.0, None, 40.0)


class _Printed(Writer):
    """A vasprun.xml of such electrons instead of random ones."""

    def __init__(self, file: object, electrons: Electrons, n_kpoints: int = 3) -> None:
        n_bands = 8 if electrons.edges_ev is None else int(electrons.n_electrons) // 2 + 4
        super().__init__(
            file,  # type: ignore[arg-type]
            Shape(n_atoms=len(electrons.atoms), n_kpoints=n_kpoints, n_bands=n_bands,
                  n_dos=electrons.grid_ev[2], n_components=1),
        )  # fmt: skip
        self.electrons = electrons
        symbols = electrons.atoms.get_chemical_symbols()
        self.species = [(s, symbols.count(s)) for s in dict.fromkeys(symbols)]
        self.cell = electrons.atoms.cell.array.round(8)
        self.positions = electrons.atoms.get_scaled_positions().round(8)
        self.fermi_ev = electrons.fermi_ev
        self.n_electrons = electrons.n_electrons
        self.dos_energies = electrons.energies_ev.round(4)

    def levels(self, n_kpoints: int) -> tuple[FloatArray, FloatArray]:
        levels, _ = super().levels(n_kpoints)
        if self.electrons.edges_ev is None:
            levels = np.sort(np.linspace(-6, 12, levels.size).reshape(levels.shape[::-1]).T, axis=2)
            return levels, (levels < self.fermi_ev).astype(float)
        top, bottom = self.electrons.edges_ev
        filled = int(self.electrons.n_electrons) // 2
        n = levels.shape[2]
        levels[..., :filled] = np.linspace(top - 20, top, filled)
        levels[..., filled:] = np.linspace(bottom, bottom + 3, n - filled)
        levels[:, 1:, :] -= 0.01 * (np.arange(n) < filled)
        levels[:, 1:, filled:] += 0.01
        return levels, np.broadcast_to((np.arange(n) < filled).astype(float), levels.shape)

    def total_density(self, component: int) -> tuple[FloatArray, FloatArray]:
        density = self.electrons.total / self.electrons.projected
        step = self.dos_energies[1] - self.dos_energies[0]
        integral = np.cumsum(density) * step
        # VASP counts the states below the grid too: at the Fermi level all electrons
        at = np.searchsorted(self.dos_energies, self.fermi_ev)
        return density, integral + self.n_electrons - integral[at]

    def partial_density(self, ion: int, component: int) -> FloatArray:
        counts = {"s": 1, "p": 3, "d": 5}
        shells = ["d" if name == "x2-y2" else name[0] for name in ORBITALS]
        return np.array([self.electrons.of_shell(ion, shell) / counts[shell] for shell in shells]).T


def write_vasprun(path: Path, electrons: Electrons) -> None:
    """The vasprun.xml of a static run with ``LORBIT = 11``."""
    with path.open("wb") as file:
        _Printed(file, electrons).write()
