"""One figure of each kind, with what is hard to place: long names, many bars, what is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk, fcc100
from matplotlib.figure import Figure

from natriface.analysis.barriers.summary import summarise
from natriface.analysis.electrons.band_centers import BandCenter
from natriface.analysis.electrons.electrostatic import macroscopic_average, planar_average
from natriface.analysis.electrons.localization import AtomInPlane, BondProfile, PlaneMap
from natriface.analysis.electrons.vacuum_levels import slab_levels
from natriface.analysis.energies.energy_map import EnergyMap
from natriface.analysis.energies.numerical_series import Series
from natriface.analysis.energies.reactivity import Hull
from natriface.analysis.energies.surface_energy import SurfaceEnergy
from natriface.analysis.energies.wulff_shape import wulff_shape
from natriface.analysis.figures.adatom_maps import map_figure
from natriface.analysis.figures.bars import (
    Bar,
    ModulusBar,
    PublishedBar,
    ValueBar,
    energy_bars,
    modulus_bars,
    value_bars,
)
from natriface.analysis.figures.candidates.desirability_plots import parallel_lines, radar
from natriface.analysis.figures.cohp_curves import CohpCurve, CohpPanel, cohp_panels
from natriface.analysis.figures.contact_courses import (
    BondPanel,
    DepthPanel,
    bond_lines,
    depth_lines,
)
from natriface.analysis.figures.convergence_lines import (
    ConvergencePanel,
    convergence_lines,
    relaxation_courses,
)
from natriface.analysis.figures.dos_curves import (
    CenterColumn,
    DosPanel,
    band_center_diagram,
    pdos_stack,
    potential_profile,
)
from natriface.analysis.figures.elf_maps import bond_profiles, elf_maps
from natriface.analysis.figures.energy_profiles import energy_profile
from natriface.analysis.figures.pictures.path_pictures import path_picture
from natriface.analysis.figures.pictures.structure_pictures import (
    before_after_figure,
    structure_figure,
)
from natriface.analysis.figures.pictures.surface_pictures import (
    PotentialPanel,
    potential_lines,
    wulff_figure,
)
from natriface.analysis.figures.reaction_lines import ReactionPanel, reaction_lines
from natriface.analysis.figures.registry_maps import RegistryMap, registry_maps
from natriface.analysis.results.band import Band
from natriface.analysis.results.pdos import EnergyZero
from natriface.analysis.results.result import ElectronicStructure
from natriface.structures.base.atom_tags import DOPANT_TAG, FILM_TAG, SUBSTRATE_TAG

CELL = np.array([[7.0, 0.0, 0.0], [1.0, 16.0, 0.0], [0.0, 0.0, 40.0]])
D = 1.54 / np.sqrt(3)
PO4 = Atoms("PO4", [(0, 0, 0), (D, D, D), (-D, -D, D), (-D, D, -D), (D, -D, -D)])
LONG = "forces on three atoms are still above 0.05 eV/Å after 500 ionic steps: give it more of them"
ZERO = EnergyZero("vbm", 0.0)


def interface(doped: bool = False) -> Atoms:
    """One PO4 at the edge of the cell, so that its bonds cross it, under two Na."""
    lower = PO4.copy()
    lower.positions += (0.2, 0.1, 12.0)
    if doped:
        lower.symbols[1] = "F"
    upper = Atoms("Na2", [(2, 3, 16), (5, 12, 16.5)])
    atoms = lower + upper
    atoms.set_cell(CELL)
    atoms.set_pbc(True)
    tags = np.array([SUBSTRATE_TAG] * 5 + [FILM_TAG] * 2)
    tags[1] += DOPANT_TAG if doped else 0
    atoms.set_tags(tags)
    return atoms


def interfaces() -> Figure:
    """Compared and contradicted, missing, small, by others too, and more than one row holds."""
    others = {"chgnet-0.3.0": -1.31, "PBE": -0.91}
    bars = [
        Bar("Na|NZSP-NSF-Si", -0.9, None, -1.0, None, 0.3, others),
        Bar("Na9Sn4|NZSP-NSF-Si", None, LONG, others_j_per_m2=others),
        Bar("Na|NZSP", -0.92, None, -2.4, -1.36),
        Bar("Na|NZSP-NSF", None, LONG, -1.36, -2.4),
        Bar("Na9Sn4|NZSP-NSF", -0.002, None, -7.36),
        Bar("NaF(100)|Na3Zr2Si2PO12(001), second termination", 0.31),
        *(Bar(f"film {k}|NZSP", -12.34, None, -11.11) for k in range(9)),
    ]
    return energy_bars(bars, "interfacial formation energy", ours="chgnet-0.3.0, no DFT")


def stiffness() -> Figure:
    """Two kinds, compared and not, missing, one not certain."""
    bars = [
        ModulusBar("Na", "bulk modulus", 7.8),
        ModulusBar("Na3P-P63mmc", "bulk modulus", 24.1, None, 3.0, 24.78),
        ModulusBar("ZrSi", "bulk modulus", None, LONG, published_gpa=141.7),
        ModulusBar("Na", "shear modulus", 0.02, None, 0.3),
        ModulusBar("Na3P-P63mmc", "shear modulus", None, LONG),
    ]
    return modulus_bars(bars, published="Materials Project")


def barriers() -> Figure:
    """Kinds, hatched and several published values, words in print, and none of ours."""
    unlike = [PublishedBar(0.62), PublishedBar(0.63, unlike=True), PublishedBar(0.64)]
    bars = [
        ValueBar("Na on NaF(100), hop 1", "Na adatom", 0.052, published=unlike),
        ValueBar("Na vacancy in NaF, hop 1", "Na vacancy", 0.611, words="fast in all directions"),
        ValueBar("Na3PO4, hop 12", "interstitialcy of Na", None, LONG, unlike[:1]),
        ValueBar("Na3PO4, hop 13", "interstitialcy of Na", None, LONG),
    ]
    return value_bars(bars, "migration barrier", note="paths of different kinds: not a ranking")


def courses() -> Figure:
    fall = 3.0 + np.exp(-np.arange(200) / 20)
    lines = {
        "interface": (-fall[::-1] - fall[0])[::-1].tolist(),
        "substrate": fall[:90].tolist(),
        "film": fall[:50].tolist(),
    }
    return relaxation_courses({f"Na9Sn4|NZSP-NSF, no. {k}": lines for k in range(5)})


def converging() -> Figure:
    """Long names, a value that is missing, and one far off."""
    return convergence_lines(
        [
            ConvergencePanel(
                "spacing of k-points (1/Å)",
                Series((0.5, 0.35, 0.25, 0.175), (0.2, 0.61, 0.602, 0.6)),
                0.25,
            ),
            ConvergencePanel("plane-wave cut-off (eV)", Series((384, 480, 720), (0, None, 1)), 480),
            ConvergencePanel("layers of the substrate", Series((1, 2, 3), (0.60, 0.65, 0.6)), 1),
            ConvergencePanel("vacuum (Å)", Series((10, 20), (0.60, 0.601)), 20),
        ],
        0.01,
        "J/m²",
    )  # fmt: skip


def band(height: float = 0.4, across: float = 0.0) -> Band:
    """A vacancy's neighbour in rock salt, hopping along a bow."""
    host = bulk("NaF", "rocksalt", a=4.7, cubic=True).repeat(2)
    mover = next(i for i, s in enumerate(host.symbols) if s == "Na")
    way = np.array([2.35, 2.35, 0.0])
    distances = np.linalg.norm(host.positions - host.positions[mover] - way, axis=1)
    gone = int(np.argmin(distances))
    images, forces = [], []
    for t in np.linspace(0, 1, 7):
        image = host.copy()
        image.positions[mover] += t * way + 0.4 * np.sin(np.pi * t) * np.array([0, 0, 1.0])
        del image[gone]
        images.append(image)
        slope = height * np.pi * np.sin(np.pi * t) * np.cos(np.pi * t) * 2 / 3.4
        force = np.zeros((len(image), 3))
        force[mover] = -slope * way / np.linalg.norm(way)
        force[mover, 2] += across if 0 < t < 1 else 0.0
        forces.append(force)
    energies = height * np.sin(np.pi * np.linspace(0, 1, 7)) ** 2
    return Band.of(images, energies, forces)


def profiles() -> Figure:
    bands = [summarise(band(0.1 + 0.15 * k, across=3.0 * (k == 2))) for k in range(4)]
    names = [f"Na vacancy in Na3PO4 with a long name, hop {k}" for k in range(4)]
    return energy_profile(bands, names)


def path() -> Figure:
    found = band()
    energies = 0.4 * np.sin(np.pi * np.linspace(0, 1, 7)) ** 2
    mover = next(i for i, s in enumerate(found.images[0].symbols) if s == "Na")
    return path_picture(found.images, mover, energies.tolist(), "Na vacancy in NaF, hop 1")


def adatoms() -> Figure:
    table = np.array([[0.0, 0.1, 0.0], [0.1, 0.3, 0.15], [0.0, 0.2, 0.05]])
    cubic = fcc100("Al", (1, 1, 2), a=4.7, vacuum=6.0)
    cubic.symbols[0] = "F"
    hexagonal = Atoms("NaCl", [(0, 0, 0), (1.5, 0.9, 1.0)])
    hexagonal.set_cell([[3.9, 0, 0], [1.95, 3.38, 0], [0, 0, 20]])
    hexagonal.set_pbc(True)
    return map_figure(
        {
            "NaF(100), the first termination of two": EnergyMap(cubic, table, (0.0, 0.0)),
            "NaCl(111)": EnergyMap(hexagonal, table, (0.0, 0.0)),
        }
    )


def two_halides() -> Figure:
    table = np.array([[0.0, 0.1, 0.0], [0.1, 0.3, 0.15], [0.0, 0.2, 0.05]])
    maps = {}
    for anion in ("F", "Cl"):
        face = fcc100("Na", (1, 1, 2), a=5.2, vacuum=6.0)
        face.symbols[1] = anion
        maps[f"Na{anion}(100)"] = EnergyMap(face, table, (0.0, 0.0))
    return map_figure(maps)


def registries() -> Figure:
    table = np.array([[0.31, 0.28, 0.3], [0.28, np.nan, 0.22]])
    cells = np.array([[3.3, 0.0], [0.0, 4.1]]), np.array([[3.1, 0.0], [-1.55, 2.7]])
    taken = [(0, 0), (0, 2), (1, 2)]
    return registry_maps(
        {
            "NaF|NZSP with a long name of its own": RegistryMap(cells[0], table, taken),
            "Na|A": RegistryMap(cells[1], table.T, [(0, 0)]),
        }
    )


def densities() -> Figure:
    energies = np.linspace(-14, 9, 400)

    def of(center: float, spin: bool = False) -> Any:
        curve = np.exp(-((energies - center) ** 2))
        return np.array([curve, 0.7 * curve]) if spin else curve

    channels = {"P-p": -6.0, "O-p": -3.5, "F-p": -8.0}
    plain = {name: of(center) for name, center in channels.items()}
    spins = {name: of(center, spin=True) for name, center in channels.items()}
    more = {"Na-s": of(3.0), "Zr-d": of(4.0), "Si-p": of(-7.0)}
    return pdos_stack(
        [
            DosPanel("PO4 in NZSP", energies, plain, centers_ev=channels),
            DosPanel("PO3F in NZSP-NSF, its long name", energies, spins, centers_ev=channels),
            DosPanel("all of it", energies, {**plain, **more}, total=sum(plain.values())),
        ],
        "the valence band maximum",
    )


def levels() -> Figure:
    def center(channel: str, at: float) -> BandCenter:
        window = (-12.0, 0.0)
        return BandCenter(f"{channel} of PO4", at, 0.8, ZERO, 6.0, window, ZERO, *window)

    near = [center("P-p", -6.0), center("O-p", -5.95), center("F-p", -5.9), center("Na-s", -5.85)]
    far = [center("P-p", -6.0), center("O-p", -3.5), center("F-p", -8.0)]
    return band_center_diagram(
        [CenterColumn("PO4\nin NZSP", far), CenterColumn("PO3F\nin NZSP-NSF", near)], ZERO.words
    )


def cohp() -> Figure:
    energies = np.linspace(-25, 6, 500)

    def curve(label: str, at: float) -> CohpCurve:
        values = -np.exp(-((energies - at) ** 2)) + 0.4 * np.exp(-((energies - 3) ** 2))
        return CohpCurve(label, energies, values[None], -8.83, 1.538, 3)

    kinds = ["P–O", "P–F", "Si–O"]
    panels = [
        CohpPanel(f"PO3F in NZSP-NSF {n}", [curve(k, -6.0 - 3 * i) for i, k in enumerate(kinds)])
        for n in range(2)
    ]
    return cohp_panels(panels, note="runs/of/someone/lobster, charge spilling 0.91 %")


def plane(symbols: str, reach: float = 2.5) -> PlaneMap:
    x, y = np.linspace(-reach, reach, 60), np.linspace(-2.0, 2.4, 50)
    values = 0.5 + 0.5 * np.sin(2 * x)[None] * np.cos(2 * y)[:, None]
    places = [(0.0, 0.0, 0.0), (reach - 0.1, 2.3, 0.0), (-1.2, 0.9, 0.3)]
    atoms = [AtomInPlane(k, s, *p) for k, (s, p) in enumerate(zip(symbols, places, strict=True))]
    return PlaneMap(x, y, values, tuple(atoms))


def localization() -> Figure:
    return elf_maps({"PO4 in NZSP, plane O–P–O": plane("POO"), "PO3F": plane("PFO", 2.0)})


def along_bonds() -> Figure:
    places = np.linspace(0, 1.6, 50)
    found = [
        BondProfile(places * (1 + k / 20), 0.9 - 0.1 * k - 0.3 * places, None, None, 0.5, 0.9, 0.6)
        for k in range(4)
    ]
    return bond_profiles([(f"P–O in PO3F of NZSP-NSF {k}", p) for k, p in enumerate(found)])


def relaxed() -> Figure:
    before = interface(doped=True)
    after = before.copy()
    after.positions[1, 2] += 1.5
    captions = ("as built", "unconverged, 500 steps")
    return before_after_figure(before, after, "Na|NZSP-NSF", captions=captions, broken=[(0, 1)])


def wulff() -> Figure:
    """Many facets, a long title, and more shapes than a row holds."""
    grid = np.array(np.meshgrid(*[np.arange(-2, 3)] * 3)).reshape(3, -1).T
    kinds = {"(100)": (0, 0, 1), "(110)": (0, 1, 1), "(111)": (1, 1, 1), "(210)": (0, 1, 2),
             "(211)": (1, 1, 2), "(221)": (1, 2, 2)}  # fmt: skip
    families = {
        label: grid[(np.sort(np.abs(grid), axis=1) == kind).all(axis=1)]
        for label, kind in kinds.items()
    }
    round_ = wulff_shape(families, dict.fromkeys(kinds, 0.3141))
    cube = wulff_shape({"(100)": families["(100)"]}, {"(100)": 0.2})
    titles = ["Na3Zr2Si2PO12 with a name that is long, Na-poor, Δμ = −0.32 eV", "NaF", "Na", "NaCl"]
    return wulff_figure({**dict.fromkeys(titles, round_), "NaBr": cube, "NaI": cube})


def potentials() -> Figure:
    energies = {
        f"({k}11)-{k} symmetric top": SurfaceEnergy(0.3 + k / 10, 3.0, 20.0, k - 2.0, "Na")
        for k in range(5)
    }
    panels = [PotentialPanel(f"Na9Sn4 no. {k}", "Na", -0.31, 0.0, energies) for k in range(4)]
    return potential_lines(panels)


def bonds_in_motion() -> Figure:
    times = np.linspace(0, 3, 40)
    kinds = ["P-O", "P-F", "Si-O", "Si-F", "Zr-O", "Zr-F", "Na-F"]
    lines = {
        kind: [(times, (k + 1) * times + seed) for seed in range(3)] for k, kind in enumerate(kinds)
    }
    titles = ["Na|NZSP at 600 K", "Na|NZSP-NSF with a very long label at 1200 K", "short", "next"]
    return bond_lines([BondPanel(title, lines, 1.0) for title in titles])


def elements_in_motion() -> Figure:
    heights = np.linspace(-15, 20, 36)
    elements = ("Na", "Zr", "Si", "P", "O", "F")
    before = {x: np.exp(-((heights - k) ** 2) / 8) for k, x in enumerate(elements)}
    after = {x: np.exp(-((heights - k) ** 2) / 20) for k, x in enumerate(elements)}
    return depth_lines(
        [
            DepthPanel(title, heights, before, after)
            for title in ("Na|NZSP at 600 K", "Na|NZSP-NSF with a very long label at 1200 K")
        ]
    )


def potential_of_a_slab() -> Figure:
    """Levels that crowd: a small gap under the vacuum, and another vacuum below."""
    z = np.arange(300) / 10
    atoms = Atoms("Na5", positions=[[0, 0, h] for h in (10, 12, 14, 16, 18)], cell=[4, 4, 30],
                  pbc=True)  # fmt: skip
    inside = (z > 9) & (z < 19)
    values = np.where(inside, -8.0 + 2 * np.cos(np.pi * z), np.where(z > 14, 3.0, 2.2))
    run = ElectronicStructure(
        fermi_level_ev=2.0, valence_band_maximum_ev=1.9, conduction_band_minimum_ev=2.1,
        band_gap_ev=0.2,
    )  # fmt: skip
    profile = planar_average(np.broadcast_to(np.roll(values, 60), (2, 2, 300)),
                             atoms_at(atoms, 6.0), "c")  # fmt: skip
    averaged = macroscopic_average(profile, 2.0)
    return potential_profile(profile, slab_levels(profile, run), averaged)


def atoms_at(atoms: Atoms, height: float) -> Atoms:
    moved = atoms.copy()
    moved.positions += (0, 0, height)
    return moved


def reactions() -> Figure:
    """Many products, long names, a phase that is not stable, and no reaction."""
    hull = Hull.from_energies(
        {
            "Na": ({"Na": 2}, 0.0),
            "NZSP-NSF uncompensated, second of the orderings": (
                {"Na": 3, "Zr": 2, "Si": 2, "P": 1, "O": 12}, -40.0
            ),
            "NaF": ({"Na": 1, "F": 1}, -6.0),
            "Na4SiO4": ({"Na": 4, "Si": 1, "O": 4}, -22.0),
            "ZrSi": ({"Zr": 1, "Si": 1}, -1.6),
            "Na2ZrO3": ({"Na": 2, "Zr": 1, "O": 3}, -18.0),
            "Na3P": ({"Na": 3, "P": 1}, -1.6),
            "Na2O": ({"Na": 2, "O": 1}, -4.2),
            "P": ({"P": 1}, 0.0),
            "SiO2": ({"Si": 1, "O": 2}, -9.0),
        },
        ("Na", "Zr", "Si", "P", "O", "F"),
    )  # fmt: skip
    crystal = "NZSP-NSF uncompensated, second of the orderings"
    pairs = [("Na", crystal), (crystal, "Na"), ("NaF", "Na"), ("NaF", crystal)]
    return reaction_lines(
        [ReactionPanel(a, b, hull.reactions(a, b), hull.strongest(a, b)) for a, b in pairs]
    )


def candidates(n: int) -> tuple[dict[str, Any], list[str]]:
    """Long names, missing values, and one candidate of which nothing is known."""
    criteria = ["adhesion to NZSP", "adhesion to Na", "reaction with NZSP", "reaction with Na",
                "electrochemical window", "barrier of a Na vacancy", "bulk modulus against Na",
                "shear modulus against Na", "band gap", "volume change"]  # fmt: skip
    known = np.random.default_rng(1).uniform(size=(n, len(criteria)))
    known[known < 0.15] = np.nan
    known[-1] = np.nan
    return {f"Na3Bi-P63mmc no. {k}": row for k, row in enumerate(known)}, criteria


def candidate_panels() -> Figure:
    return radar(*candidates(12))


def candidate_outlines() -> Figure:
    return radar(*candidates(4))


def candidate_lines() -> Figure:
    drawn, criteria = candidates(12)
    return parallel_lines(drawn, criteria, [0.1] * len(criteria))


DRAWINGS: dict[str, Callable[[], Figure]] = {
    "energy_bars": interfaces,
    "value_bars": barriers,
    "modulus_bars": stiffness,
    "relaxation_courses": courses,
    "convergence_lines": converging,
    "energy_profile": profiles,
    "path_picture": path,
    "map_figure": adatoms,
    "map_figure, two": two_halides,
    "registry_maps": registries,
    "pdos_stack": densities,
    "band_center_diagram": levels,
    "cohp_panels": cohp,
    "elf_maps": localization,
    "bond_profiles": along_bonds,
    "structure_figure": lambda: structure_figure(interface(doped=True), "F-doped PO4 under Na"),
    "before_after_figure": relaxed,
    "wulff_figure": wulff,
    "potential_lines": potentials,
    "potential_profile": potential_of_a_slab,
    "reaction_lines": reactions,
    "bond_lines": bonds_in_motion,
    "depth_lines": elements_in_motion,
    "radar": candidate_panels,
    "radar of few": candidate_outlines,
    "parallel_lines": candidate_lines,
}
"""By the function that draws it."""
