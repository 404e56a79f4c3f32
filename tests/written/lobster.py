"""The files of LOBSTER 2 to 5 in the formats of each version, bonds made up by distance.

Its curves, and the lists of version 5, end without a newline.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from tests.written.electrons import Electrons

SHELL = {
    "s": ("s",),
    "p": ("p_y", "p_z", "p_x"),
    "d": ("d_xy", "d_yz", "d_z^2", "d_xz", "d_x^2-y^2"),
}
BASIS = {
    "C": ("2s", "2p"), "Na": ("3s",), "Cl": ("3s", "3p"), "Fe": ("4s", "3d"), "Si": ("3s", "3p"),
    "Al": ("3s", "3p"), "N": ("2s", "2p"), "K": ("4s",), "Sb": ("5s", "5p"), "F": ("2s", "2p"),
}  # fmt: skip
UNITS = {"COHP": 1.0, "COOP": -0.06, "COBI": -0.11}
"""Strength of each kind of population beside an ICOHP."""
TITLES = {"COHP": "pCOHP", "COOP": "pCOOP", "COBI": "COBI"}
Rows = list[list[float]]


@dataclass(frozen=True)
class Run:
    """What is computed: a crystal, by a version; the strength of the shortest bond of two elements.

    Attributes
    ----------
    version : as ``lobsterout`` names it
    icohp_ev : of `pair`'s bonds at their shortest length; all others fall with length from there
    longest_angstrom : of the bonds listed
    charge_spilling, total_spilling : per cent, one a spin
    logged : the spins of the lobsterout, where it is another run's
    """

    atoms: Atoms
    version: str
    pair: tuple[str, str]
    icohp_ev: float
    n_spins: int = 1
    orbitals: bool = False
    longest_angstrom: float = 4.1
    energies_ev: tuple[float, float, int] = (-12.0, 4.0, 33)
    charge_spilling: tuple[float, ...] = (0.87,)
    total_spilling: tuple[float, ...] = (2.46,)
    warnings: tuple[str, ...] = ()
    electrons: Electrons | None = None
    basis: tuple[tuple[str, tuple[str, ...]], ...] = tuple(BASIS.items())
    fermi_ev: float = 1.25

    @property
    def major(self) -> int:
        return int(self.version[0])

    def orbitals_of(self, symbol: str) -> list[str]:
        return [shell[0] + part for shell in dict(self.basis)[symbol] for part in SHELL[shell[1]]]


@dataclass(frozen=True)
class Pair:
    """A bond, or one of its pairs of orbitals: names as printed, values in 1e-5, one a spin."""

    label: int
    names: tuple[str, str]
    orbitals: tuple[str, str] | tuple[()]
    length: float
    cell: tuple[int, int, int]
    values: tuple[int, ...]


def pairs(run: Run, kind: str = "COHP") -> list[Pair]:
    """All bonds, as LOBSTER lists them: those of an atom with its own images each way."""
    symbols = run.atoms.get_chemical_symbols()
    found = zip(*neighbor_list("ijdS", run.atoms, run.longest_angstrom), strict=True)
    bonds = [(int(i), int(j), float(d), s) for i, j, d, s in found if i <= j]
    shortest = min(d for i, j, d, _ in bonds if {symbols[i], symbols[j]} == set(run.pair))
    listed = []
    for label, (i, j, length, shift) in enumerate(bonds, 1):
        strength = run.icohp_ev * UNITS[kind] * np.exp((shortest - length) / 0.5)
        total = round(float(strength) * 1e5)
        values = tuple(total // run.n_spins + (s < total % run.n_spins) for s in range(run.n_spins))
        # until 4.0 the cell of the first atom, seen from the second
        sign = -1 if run.version < "4.1" else 1
        cell = (sign * int(shift[0]), sign * int(shift[1]), sign * int(shift[2]))
        names = f"{symbols[i]}{i + 1}", f"{symbols[j]}{j + 1}"
        listed.append(Pair(label, names, (), length, cell, values))
        if run.orbitals:
            both = list(product(run.orbitals_of(symbols[i]), run.orbitals_of(symbols[j])))
            for k, orbitals in enumerate(both):
                parts = tuple(v // len(both) + (k < v % len(both)) for v in values)
                listed.append(Pair(label, names, orbitals, length, cell, parts))
    return listed


# ---- lists -----------------------------------------------------------------------------------


def bond_list(run: Run, kind: str = "COHP") -> str:
    """ICOHPLIST, ICOOPLIST or ICOBILIST."""
    listed = pairs(run, kind)
    if run.major == 2:
        return _averaged_list(listed, kind)
    if run.major == 5:
        return _side_by_side(listed, kind, run.n_spins)
    width = 13 if run.orbitals else 8
    lines = []
    for spin in range(run.n_spins):
        lines.append(
            f"  {kind}#{'atomMU':>{width}}{'atomNU':>{width}}     distance     translation"
            f"      I{kind} (at) eF   for spin  {spin + 1}"
        )
        for pair in listed:
            one, two = _names(pair)
            lines.append(
                f"{pair.label:7d}{one:>{width}}{two:>{width}}{pair.length:13.5f}"
                + "{:8d}{:4d}{:4d}".format(*pair.cell)
                + f"{pair.values[spin] / 1e5:19.5f} "
            )
    return "\n".join(lines) + "\n"


def _names(pair: Pair) -> tuple[str, str]:
    if not pair.orbitals:
        return pair.names
    one, two = (
        f"{name}_{orbital}" for name, orbital in zip(pair.names, pair.orbitals, strict=True)
    )
    return one, two


def _averaged_list(listed: list[Pair], kind: str) -> str:
    """LOBSTER 2: like bonds once, with their number."""
    counts: dict[tuple[object, ...], int] = {}
    for pair in listed:
        key = (pair.names, round(pair.length, 4), pair.values)
        counts[key] = counts.get(key, 0) + 1
    lines = [
        f"  {kind}#  atomMU  atomNU     distance          I{kind}(eF) avg. over # bonds"
        "  for spin  1"
    ]
    lines += [
        f"{label:7d}{names[0]:>8}{names[1]:>8}{length:13.5f}{values[0] / 1e5:19.5f}{count:18d}"
        for label, ((names, length, values), count) in enumerate(counts.items(), 1)  # type: ignore[misc]
    ]
    return "\n".join(lines) + "\n"


def _side_by_side(listed: list[Pair], kind: str, n_spins: int, atom: str = "atom") -> str:
    """LOBSTER 5: both spins in a row; a blank line or none below the title."""
    heads = ("fragmentAlpha", "fragmentBeta") if atom == "fragment" else ("atomMU", "atomNU")
    width = 15 if atom == "fragment" else 10
    column = f"{f'I{kind} (at) eF':>17} "
    lines = [
        f"  {kind}#{heads[0]:>{width}}{heads[1]:>{width}}   distance   translation"
        + column * n_spins,
        " " * (33 + 2 * width) + "".join(f"{f'for spin {s + 1}':>17} " for s in range(n_spins)),
    ]
    for pair in listed:
        one, two = _names(pair)
        lines.append(
            f"{pair.label:7d}{one:>{width}}{two:>{width}}{pair.length:11.5f}"
            + "{:6d}{:4d}{:4d}".format(*pair.cell)
            + "".join(f"{value / 1e5:16.5f} " for value in pair.values)
        )
    return "\n".join(lines).rstrip()


# ---- curves ----------------------------------------------------------------------------------


def curves(run: Run, kind: str = "COHP") -> str:
    """COHPCAR, COOPCAR or COBICAR, with the average first."""
    listed = pairs(run, kind)
    labels = []
    for pair in listed:
        # until 2.2 the pairs of orbitals of the first bond were counted as the second, and so on
        label = 1 + (pair.label - 1) * 2 if run.major == 2 and run.orbitals else pair.label
        label += run.major == 2 and bool(pair.orbitals)
        sites = [f"{n}[{o}]" for n, o in zip(pair.names, pair.orbitals, strict=False)] or pair.names
        labels.append(f"No.{label}:{sites[0]}->{sites[1]}({pair.length!r})")
    return _curve_file(run, kind, ["Average", *labels], _with_average(listed))


def _with_average(listed: list[Pair]) -> np.ndarray:
    """(spin, curve) strengths, that of the mean of the bonds first."""
    strengths = np.array([pair.values for pair in listed]).T / 1e5
    whole = [k for k, pair in enumerate(listed) if not pair.orbitals]
    return np.hstack([strengths[:, whole].mean(axis=1, keepdims=True), strengths])


def _curve_file(run: Run, kind: str, labels: list[str], strengths: np.ndarray) -> str:
    """A file of curves: each a peak whose integral at the Fermi level is the strength."""
    low, high, n = run.energies_ev
    energies = np.linspace(low, high, n)
    peak = np.exp(-((energies + 3.0) ** 2))
    peak /= peak.sum() * (energies[1] - energies[0])
    integral = np.cumsum(peak) * (energies[1] - energies[0])
    values = np.stack([strengths[..., None] * shape for shape in (peak, integral)], axis=2)
    table = np.vstack([energies, values.reshape(-1, n)]).T
    narrow = run.n_spins == 1 and run.version.startswith(("2.0", "5"))
    lines = [
        f"ESCALE ; {TITLES[kind]} file generated by LOBSTER. "
        "Energy is shifted such that the Fermi level lies at 0 eV.",
        f"{len([x for x in labels if x]):10d} {run.n_spins:10d} {n:10d} {low + run.fermi_ev:13.5e} "
        f"{high + run.fermi_ev:13.5e} {run.fermi_ev:13.5e} ",
        *labels,
    ]
    form = ("%8.5f " if narrow else "%9.5f ") * table.shape[1]
    lines += [form.rstrip() % tuple(row) + " " * (not narrow) for row in table.tolist()]
    return "\n".join(lines).rstrip()


def multicenter_cobis(run: Run) -> str:
    """COBIs of two and three centers, without an average, each atom with its cell."""
    labels = []
    for pair in pairs(run, "COBI"):
        sites = [f"{pair.names[0]}[0 0 0]", "{}[{:d} {:d} {:d}]".format(pair.names[1], *pair.cell)]
        sites = [f"{s}[{o}]" for s, o in zip(sites, pair.orbitals, strict=False)] or sites
        labels.append(f"No.{pair.label}:{'->'.join(sites)}")
    number = pair.label + 1
    labels.append(
        f"No.{number}:{pair.names[0]}[0 0 0]->{pair.names[1]}[0 0 0]->{pair.names[0]}[1 0 0]"
    )
    random = np.random.default_rng(4)
    strengths = random.normal(size=(run.n_spins, len(labels))).round(5)
    return _curve_file(run, "COBI", [*labels, ""], strengths)


def of_fragments(run: Run, orbitals: bool) -> tuple[str, str]:
    """COHPCAR.LCFO and ICOHPLIST.LCFO: one molecule and its images."""
    levels = ("1a1", "1e") if orbitals else ()
    listed = []
    for label, (length, cell) in enumerate(((2.84731, (0, -1, 0)), (3.66124, (-1, -2, 0))), 1):
        names = "NaCl_1", "NaCl_1"
        values = tuple(-57919 // label + s for s in range(run.n_spins))
        listed.append(Pair(label, names, (), length, cell, values))
        listed += [
            Pair(label, names, both, length, cell, tuple(v // 4 for v in values))
            for both in product(levels, levels)
        ]
    labels = ["Average"]
    for pair in listed:
        sites = [f"{n}[{o}]" for n, o in zip(pair.names, pair.orbitals, strict=False)] or pair.names
        labels.append(f"No.{pair.label}:{sites[0]}->{sites[1]}({pair.length!r})")
    strengths = _with_average(listed)
    return (
        _curve_file(run, "COHP", labels, strengths),
        _side_by_side(listed, "COHP", run.n_spins, "fragment"),
    )


# ---- the other files -------------------------------------------------------------------------


def charges(run: Run) -> str:
    """CHARGE.lobster: the second element of the pair takes what the first one gives."""
    symbols = run.atoms.get_chemical_symbols()
    signs = [(s == run.pair[0]) - (s == run.pair[1]) for s in symbols]
    lines = [
        "MULLIKEN and LOEWDIN POPULATION ANALYSIS ",
        "",
        "  atom#    atom      Mulliken charge       Loewdin charge",
    ]
    lines += [
        f"{k:7d}{s:>8}{0.78 * sign:21.2f}{0.67 * sign:21.2f}" + " " * (run.major == 5)
        for k, (s, sign) in enumerate(zip(symbols, signs, strict=True), 1)
    ]
    total = sum(signs)
    return "\n".join([*lines, "", f"{'total':>15}{0.78 * total:21.2f}{0.67 * total:21.2f}", ""])


def log(run: Run, end: str = "whole") -> str:
    """lobsterout; `end` is ``whole``, or ``projecting`` where it breaks off."""
    lines = [
        f"LOBSTER v{run.version} (g++ 7.5.0)",
        "Copyright (C) by Chair of Solid-State and Quantum Chemistry, RWTH Aachen.",
        "starting on host none on 2021-04-29 at 09:19:45 CEST using 1 thread",
        "detecting used PAW program... VASP",
        "initializing LCAO system...",
        "setting up local basis functions...",
        *(
            f"{element} (pbeVaspFit2015) {' '.join(run.orbitals_of(element))} "
            for element in dict.fromkeys(run.atoms.get_chemical_symbols())
        ),
        *run.warnings,
        f"setting up CO interactions... found {len(pairs(run))} interactions.",
        "projecting...",
    ]
    if end == "projecting":
        return "\n".join(lines) + "\n"
    lines += ["calculating overlaps...", "post-processing projection..."]
    spins = zip(run.charge_spilling, run.total_spilling, strict=True)
    for spin, (charge, total) in enumerate(spins, 1):
        if len(run.charge_spilling) > 1:
            lines += ["", f"spillings for spin channel {spin}"]
        if run.major < 5:
            lines.append(f"abs. total  spilling:{total:7.2f}%")
        lines.append(f"abs. charge spilling:{charge:7.2f}%")
    return "\n".join([
        *lines,
        "",
        "calculating pDOS...",
        "writing COHPCAR.lobster and ICOHPLIST.lobster...",
        "writing CHARGE.lobster and GROSSPOP.lobster...",
        "finished in 0 h  0 min 34 s 851 ms of wall time",
        "            0 h  0 min 33 s 220 ms of user time",
        "            0 h  0 min  0 s 160 ms of sys  time",
        "",
    ])  # fmt: skip


def dos(run: Run, electrons: Electrons) -> str:
    """DOSCAR.lobster: the whole, then atom by atom, orbitals side by side."""
    energies = electrons.energies_ev
    fermi = electrons.fermi_ev
    names = [run.orbitals_of(symbol) for symbol in run.atoms.get_chemical_symbols()]
    parts = [electrons.of_orbitals(k, orbitals, run.n_spins) for k, orbitals in enumerate(names)]
    total = np.sum([part.sum(axis=0) for part in parts], axis=0)  # spin, energy
    integral = np.cumsum(total, axis=1) * (energies[1] - energies[0])
    size = f"{energies[-1]:16.8f}{energies[0]:16.8f}{len(energies):6d}{fermi:17.8f}{1:17.8f}"
    lines = [
        f"{len(run.atoms):4d}{len(run.atoms):5d}    1{run.n_spins:5d}",
        "  2.2707875e+01   2.8317756e-10   2.8317756e-10   2.8317756e-10   5.0000000e-16",
        "            1.000000e-04",
        "  CAR",
        " DOS and projected DOS file by LOBSTER. Energy is shifted such that the Fermi level lies "
        "at 0 eV. ",
        size,
    ]
    lines += _dos_rows(energies - fermi, [*total, *integral])
    for symbol, orbitals, part in zip(run.atoms.get_chemical_symbols(), names, parts, strict=True):
        number = Atoms(symbol).numbers[0]
        lines.append(f"{size}; Z={number:3d}; {' '.join(orbitals)} ")
        lines += _dos_rows(energies - fermi, part.reshape(-1, len(energies)))
    return "\n".join(lines) + "\n"


def _dos_rows(energies: np.ndarray, columns: object) -> Iterator[str]:
    table = np.vstack([energies, *columns]).T  # type: ignore[misc]
    form = "%9.5f " * table.shape[1]
    return (form % tuple(row) for row in table.tolist())
