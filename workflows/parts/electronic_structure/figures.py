"""The figures of a report's section on electronic structure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from natriface.analysis.bonding.tetrahedra import SAME_LENGTH_ANGSTROM
from natriface.analysis.electrons.localization import PlaneMap, plane_map, plane_points
from natriface.analysis.figures.cohp_curves import CohpPanel, cohp_panels, mean_curve
from natriface.analysis.figures.dos_curves import (
    CenterColumn,
    DosPanel,
    band_center_diagram,
    pdos_stack,
)
from natriface.analysis.figures.elf_maps import bond_profiles, elf_maps
from natriface.analysis.results.pdos import EnergyZero
from natriface.workflows.parts.electronic_structure.records import (
    VALENCE_WINDOW,
    CrystalRecord,
)
from natriface.workflows.parts.electronic_structure.tables import elf_profiles
from natriface.workflows.report.figure import ReportFigure
from natriface.workflows.report.section import SectionContext

SHOWN_EV = (-12.0, 8.0)


def draw(crystals: Sequence[CrystalRecord], context: SectionContext) -> list[ReportFigure]:
    """All figures there is something to draw for."""
    found = [
        _cohp(crystals, context),
        _maps(crystals, context),
        _profiles(crystals, context),
        _diagram(crystals, context),
        _stack(crystals, context),
    ]
    return [figure for figure in found if figure is not None]


def elf_planes(crystal: CrystalRecord) -> dict[str, PlaneMap]:
    """ELF on planes through the centre and two ligands of the unit shown, by title.

    Through the foreign ligand and the nearest other one where there is one, else through the two
    shortest bonds.
    """
    grid = crystal.elf
    unit = None if grid is None else crystal.shown_unit(grid.atoms)
    if unit is None or grid is None:
        return {}
    symbols = grid.atoms.get_chemical_symbols()
    ordered = sorted(unit.bonds, key=lambda bond: bond.length_angstrom)
    kinds = {bond.bond for bond in ordered}
    common = max(kinds, key=lambda kind: sum(bond.bond == kind for bond in ordered))
    usual = [bond for bond in ordered if bond.bond == common]
    rare = [bond for bond in ordered if bond.bond != common]
    pair = [rare[0], usual[0]] if rare else usual[:2]
    title = "–".join([symbols[pair[0].ligand], symbols[unit.centre], symbols[pair[1].ligand]])
    points = plane_points(grid.atoms, unit.centre, [bond.ligand for bond in pair])
    # the centre first, so that the map looks alike whatever the order of its ligands
    return {f"{unit.kind} in {crystal.label}, plane {title}": plane_map(grid, points)}


def cohp_of_unit(crystal: CrystalRecord) -> CohpPanel | None:
    """Mean COHP of each kind of bond of the unit shown; None where there are no curves."""
    unit, populations = crystal.shown_unit(crystal.atoms), crystal.bonds
    if unit is None or populations is None or populations.curves is None:
        return None
    drawn = set(populations.curves.labels)
    curves = []
    for kind in dict.fromkeys(bond.bond for bond in unit.bonds):
        ligands = {bond.ligand for bond in unit.bonds if bond.bond == kind}
        longest = max(bond.length_angstrom for bond in unit.bonds) + 2 * SAME_LENGTH_ANGSTROM
        bonds = [
            bond
            for bond in populations.of_centre(unit.centre, shorter_than_angstrom=longest)
            if bond.atoms[1] in ligands and bond.label in drawn
        ]
        if bonds:
            curves.append(mean_curve(populations, bonds, kind))
    return CohpPanel(f"{unit.kind} in {crystal.label}", curves) if curves else None


def _cohp(crystals: Sequence[CrystalRecord], context: SectionContext) -> ReportFigure | None:
    panels = [panel for crystal in crystals if (panel := cohp_of_unit(crystal)) is not None]
    if not panels:
        return None
    return context.draw(
        cohp_panels(panels),
        "cohp",
        caption="Crystal orbital Hamilton populations of one bond, the mean over the bonds of a "
        "kind in the unit, with their mean length and ICOHP; bonding to the right. Energies from "
        "each crystal's own Fermi level: within the gap of an insulator, in the conduction "
        "band where a dopant leaves electrons there.",
        alt="COHP of the tetrahedra's bonds",
    )


def _maps(crystals: Sequence[CrystalRecord], context: SectionContext) -> ReportFigure | None:
    maps = {title: m for crystal in crystals for title, m in elf_planes(crystal).items()}
    if not maps:
        return None
    return context.draw(
        elf_maps(maps),
        "elf",
        caption="Electron localization function on planes through the centre of a tetrahedron and "
        "two of its ligands; contours at 0.2, 0.4, 0.6 and 0.8. Atoms off the plane are pale.",
        alt="maps of the electron localization function",
        vector=False,
    )


def _profiles(crystals: Sequence[CrystalRecord], context: SectionContext) -> ReportFigure | None:
    profiles = []
    for crystal in crystals:
        seen: set[str] = set()
        for kind, bond, profile in elf_profiles(crystal):
            if bond.bond not in seen:  # bonds are in order of length: the shortest of each kind
                seen.add(bond.bond)
                profiles.append((f"{bond.bond} in {kind} of {crystal.label}", profile))
    if not profiles:
        return None
    return context.draw(
        bond_profiles(profiles),
        "elf-profiles",
        caption="ELF along the shortest bond of each kind, from the centre to the ligand; the dot "
        "is half-way.",
        alt="profiles of the electron localization function along bonds",
    )


def _diagram(crystals: Sequence[CrystalRecord], context: SectionContext) -> ReportFigure | None:
    columns = []
    zeros: set[str] = set()
    for crystal in crystals:
        centers = crystal.centers(VALENCE_WINDOW)
        for unit in dict.fromkeys(center.label.partition(" of ")[2] for center in centers):
            own = [center for center in centers if center.label.partition(" of ")[2] == unit]
            columns.append(CenterColumn(f"{unit}\nin {crystal.label}", own))
            zeros |= {center.zero.words for center in own}
    if not columns:
        return None
    zero = zeros.pop() if len(zeros) == 1 else "each crystal's zero"
    return context.draw(
        band_center_diagram(columns, zero),
        "band-centers",
        caption=f"Band centers over the valence window ({-VALENCE_WINDOW[0]:g} eV below the zero), "
        f"counted from {zero} of each crystal; pale bars: width up and down; arrows: gaps between "
        "neighbouring centers, which do not depend on the zero.",
        alt="diagram of band centers",
    )


def _stack(crystals: Sequence[CrystalRecord], context: SectionContext) -> ReportFigure | None:
    panels: list[DosPanel] = []
    zeros: list[EnergyZero] = []
    for crystal in crystals:
        dos, zero = crystal.dos, crystal.zero
        if dos is None or zero is None:
            continue
        shells = crystal.orbitals
        centers = crystal.centers(VALENCE_WINDOW)
        kinds = list(dict.fromkeys(center.label.partition(" of ")[2] for center in centers))
        for kind in kinds:
            members = {
                atom for unit in crystal.units if unit.kind == kind for atom in unit.atoms
            } or set(range(len(dos.symbols)))
            curves = {}
            for element, shell in shells.items():
                atoms = {i for i in members if dos.symbols[i] == element}
                if atoms:
                    curves[f"{element}-{shell}"] = np.array(
                        [dos.select(atoms=atoms, orbital=shell, spin=s) for s in range(dos.n_spins)]
                    )
            marks = {
                center.label.partition(" of ")[0]: center.center_ev
                for center in centers
                if center.label.partition(" of ")[2] == kind
            }
            title = f"{kind} in {crystal.label}"
            panels.append(
                DosPanel(title, dos.energies_ev - zero.energy_ev, curves, centers_ev=marks)
            )
            zeros.append(zero)
    if not panels:
        return None
    words = sorted({zero.words for zero in zeros})
    low = max(SHOWN_EV[0], *(float(panel.energies_ev[0]) for panel in panels))
    high = min(SHOWN_EV[1], *(float(panel.energies_ev[-1]) for panel in panels))
    zero_words = words[0] if len(words) == 1 else "each crystal's zero"
    return context.draw(
        pdos_stack(panels, zero_words, (low, high)),
        "pdos",
        caption=f"Densities of states of the units' orbitals, counted from {zero_words}; "
        "triangles: centers over the valence window.",
        alt="projected densities of states",
    )
