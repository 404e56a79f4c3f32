"""The report's section on electronic structure, from results made up with known answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from natriface.analysis.bonding.tetrahedra import stretched, tetrahedra
from natriface.analysis.results.bond_populations import Bond, BondPopulations, Curves
from natriface.analysis.results.published import load_published
from natriface.analysis.results.result import ElectronicStructure, EngineRecord, Result, StepRecord
from natriface.analysis.results.spilling import Spilling
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import AnalysisError
from natriface.structures.crystals.doping import dope
from natriface.structures.crystals.phases import load_phase
from natriface.workflows.parts.electronic_structure.labels import CrystalLabels, StretchedLabels
from natriface.workflows.parts.electronic_structure.records import in_order_of
from natriface.workflows.parts.electronic_structure.section import section
from natriface.workflows.parts.interfaces.evaluation.gathering import ExpectedStep
from natriface.workflows.report.section import CARE, SectionContext

SLOPE = -14.0
CHEMISTRY_EV = 0.3
"""What F adds to the P-O bonds of its unit at equal length."""
MOVED_EV = -0.5
"""How far the doped crystal's P-p and O-p lie lower against the semicore level."""
OFFSET_EV = 2.0
"""How far all energies of the doped crystal's calculation lie higher: its own scale."""


def bonds_of(atoms: Atoms, more: float = 0.0) -> BondPopulations:
    bonds = []
    for unit in tetrahedra(atoms):
        for bond in unit.bonds:
            strength = 9.8 + SLOPE * (bond.length_angstrom - 1.55)
            strength += more if unit.kind == "PO3F" else 0.0
            bonds.append(
                Bond(
                    str(len(bonds) + 1),
                    (bond.centre, bond.ligand),
                    tuple(bond.bond.split("-")),  # type: ignore[arg-type]
                    bond.image,
                    bond.length_angstrom,
                    -strength,
                    (-strength,),
                )
            )
    energies = np.linspace(-20, 5, 251)
    shape = -np.exp(-((energies + 6) ** 2))
    cohp = np.array([b.icohp_ev * shape / np.trapezoid(shape, energies) for b in bonds])[None]
    curves = Curves(energies, tuple(b.label for b in bonds), cohp, np.cumsum(cohp, axis=2) * 0.1)
    return BondPopulations(
        tuple(bonds), curves, Spilling((0.9,), (30.0,)), source="made up", structure=atoms
    )


def densities(atoms: Atoms, moved: float, offset: float) -> dict[str, Any]:
    energies = np.linspace(-40, 12, 2601) + offset

    def band(center: float, width: float, states: float) -> np.ndarray:
        norm = states / (width * np.sqrt(2 * np.pi))
        return norm * np.exp(-0.5 * ((energies - offset - center) / width) ** 2)

    orbitals = ["s", "px", "py", "pz"]
    projected = np.zeros((len(atoms), 1, 4, len(energies)))
    for i, symbol in enumerate(atoms.get_chemical_symbols()):
        if symbol == "Zr":
            projected[i, 0, 0] = band(-35.0, 0.1, 2.0)
        if symbol in ("P", "O", "F"):
            center = {"P": -6.0, "O": -3.5, "F": -8.0}[symbol] + moved
            projected[i, 0, 1:] = band(center, 0.6, 1.5) + band(5.0, 0.5, 0.2)
    return {
        "dos_energies_ev": energies,
        "total_dos": projected.sum(axis=(0, 2)),
        "integrated_dos": np.zeros((1, len(energies))),
        "projected_dos": projected,
        "orbitals": np.array(orbitals),
    }


def write_elfcar(path: Path, atoms: Atoms) -> None:
    shape = (16, 16, 16)
    atoms = atoms[np.argsort(atoms.numbers, kind="stable")]  # as VASP and GPAW group them
    symbols = atoms.get_chemical_symbols()
    groups = [(s, symbols.count(s)) for s in dict.fromkeys(symbols)]
    lines = ["ELF", "1.0", *(" ".join(f"{x:.10f}" for x in v) for v in atoms.cell.array)]
    lines += [" ".join(s for s, _ in groups), " ".join(str(n) for _, n in groups), "Direct"]
    lines += [" ".join(f"{x:.10f}" for x in row) for row in atoms.get_scaled_positions()]
    values = np.random.default_rng(1).uniform(0.1, 0.9, np.prod(shape)).round(5)
    lines += ["", " ".join(map(str, shape))]
    lines += [" ".join(f"{v:.5f}" for v in row) for row in values.reshape(-1, 8)]
    path.write_text("\n".join(lines) + "\n")


class Made:
    """Results in folders, as a finished study leaves them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.results: list[Result] = []
        self.folders: dict[str, Path] = {}
        self.expected: list[ExpectedStep] = []

    def add(self, name: str, kind: str, role: str, atoms: Atoms, **more: Any) -> Path:
        """A result and its folder; `more` goes into the labels."""
        status, electronic = more.pop("status", "converged"), more.pop("electronic", None)
        folder = self.root / name.replace(" ", "_")
        folder.mkdir()
        given = {
            "role": role,
            "orbitals": {"P": "p", "O": "p", "F": "p"},
            "align_by": {"Zr": "s"},
            "phase": "NZSP",
            "grade": "DFT",
            "source": "here",
            "formula": str(atoms.symbols),
            "doping": None,
            "scale": 1.0,
            "against": None,
            "quantities": ["bonding", "pdos", "elf"],
            **more,
        }
        model = StretchedLabels if role.startswith("stretched") else CrystalLabels
        metadata = model.model_validate(given).document()
        self.results.append(
            Result(
                kind=kind,
                status=status,
                reason=None if status == "converged" else "it did not converge",
                engine=EngineRecord(name="gpaw", version="26"),
                step=StepRecord(id=name, name=name, metadata=metadata),
                final_structure=to_document(atoms),
                electronic=electronic,
                arrays_file="arrays.npz" if kind == "dos" else None,
            )
        )
        self.folders[name] = folder
        self.expected.append(ExpectedStep(name, name, kind, len(atoms), metadata))
        return folder

    def context(self, figures: Path, **missing: str) -> SectionContext:
        figures.mkdir(exist_ok=True)
        return SectionContext(
            figures, self.folders, self.expected, missing, load_published("li2025")
        )


@pytest.fixture(scope="module")
def crystals() -> tuple[Atoms, Atoms]:
    """NZSP, and NZSP with F whose P-O bonds are 0.04 A shorter."""
    host = load_phase("NZSP").atoms
    host = host[np.argsort(host.numbers, kind="stable")]
    doped = dope(host, "O", "F", 1, "P", best=1)[0].atoms
    unit = next(u for u in tetrahedra(doped) if u.kind == "PO3F")
    for bond in unit.bonds:
        if bond.bond == "P-O":
            doped = stretched(doped, bond, 1.51 - bond.length_angstrom)
    return host, doped


@pytest.fixture
def made(tmp_path: Path, crystals: tuple[Atoms, Atoms]) -> Made:
    host, doped = crystals
    study = Made(tmp_path)
    for label, atoms, moved, offset in (
        ("NZSP", host, 0.0, 0.0),
        ("NZSP-NSF", doped, MOVED_EV, OFFSET_EV),
    ):
        is_doped = label != "NZSP"
        against = {"against": "NZSP", "doping": "1 F on O"} if is_doped else {}
        folder = study.add(f"{label} bonding", "bonding", "bonding", atoms, label=label, **against)
        bonds_of(atoms, CHEMISTRY_EV if is_doped else 0.0).save(folder)
        electronic = ElectronicStructure(
            fermi_level_ev=offset,
            valence_band_maximum_ev=offset,
            conduction_band_minimum_ev=offset + 4.0,
            band_gap_ev=4.0,
        )
        folder = study.add(
            f"{label} pdos", "dos", "pdos", atoms, label=label, electronic=electronic, **against
        )
        np.savez(folder / "arrays.npz", **densities(atoms, moved, offset))
        folder = study.add(f"{label} elf", "elf", "elf", atoms, label=label, **against)
        write_elfcar(folder / "ELFCAR", atoms)
    bonds = [b for u in tetrahedra(host) if u.kind == "PO4" for b in u.bonds]
    other = next(b for b in bonds if b.centre != bonds[0].centre)
    moves = [(bonds[0], 0.02), (other, -0.02)]
    atoms = host
    for bond, by in moves:
        atoms = stretched(atoms, bond, by)
    folder = study.add(
        "NZSP stretched bonding", "bonding", "stretched bonding", atoms, label="NZSP", bond="P-O",
        stretch=[{"centre": b.centre, "ligand": b.ligand, "by_angstrom": by} for b, by in moves],
    )  # fmt: skip
    bonds_of(atoms).save(folder)
    return study


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures take most of the time and have a test of their own."""
    monkeypatch.setattr(
        "natriface.workflows.parts.electronic_structure.figures.draw", lambda *_: []
    )


@pytest.mark.usefixtures("undrawn")
def test_known_answers_come_back(made: Made, tmp_path: Path) -> None:
    found = section(made.results, made.context(tmp_path / "figures"))
    assert found is not None
    values = found.values
    assert values["slope"]["ev_per_angstrom"] == pytest.approx(SLOPE, abs=1e-6)
    change = next(d for d in values["bond_differences"] if d["second"] == "P-O in PO3F of NZSP-NSF")
    assert change["first"] == "P-O in PO4 of NZSP"
    assert change["length_change_angstrom"] == pytest.approx(1.51 - 1.549, abs=1e-3)
    assert change["remainder_ev"] == pytest.approx(CHEMISTRY_EV, abs=1e-6)
    assert change["by_length_ev"] == pytest.approx(SLOPE * change["length_change_angstrom"])
    # the whole of the change is its parts
    assert change["strength_change_ev"] == pytest.approx(
        change["by_length_ev"] + change["remainder_ev"]
    )
    shifts = {(s["center"], s["window"]): s["shift_ev"] for s in values["center_shifts"]}
    assert shifts["P-p of PO3F", "valence"] == pytest.approx(MOVED_EV, abs=1e-3)
    assert shifts["O-p of PO3F", "occupied"] == pytest.approx(MOVED_EV, abs=1e-3)
    (outcome,) = found.verdict
    assert outcome.startswith("Bond strength at equal length: ")
    assert found.outcome == [outcome]
    json.dumps(found.document())


@pytest.mark.slow
def test_figures_and_published_values_beside_ours(made: Made, tmp_path: Path) -> None:
    found = section(made.results, made.context(tmp_path / "figures"))
    assert found is not None
    bonds = next(t for t in found.tables if t.title == "Bonds of the tetrahedra")
    rows = {(r[0], r[1], r[2]): r for r in bonds.rows}
    assert rows["NZSP", "PO4", "P-O"][-2:] == [1.54, 9.72]
    assert rows["NZSP-NSF", "PO3F", "P-O"][-2:] == [1.50, 10.53]
    assert rows["NZSP-NSF", "PO3F", "P-F"][-2:] == [None, None]
    assert any("+0.56 of its +0.81 eV" in sentence for sentence in found.findings)
    assert {figure.stem for figure in found.figures} == {
        "cohp", "elf", "elf-profiles", "band-centers", "pdos",
    }  # fmt: skip
    for figure in found.figures:
        assert (tmp_path / "figures" / f"{figure.stem}.png").stat().st_size > 10_000


def test_bonds_find_their_atoms_in_another_order(crystals: tuple[Atoms, Atoms]) -> None:
    """LOBSTER numbers atoms as the POSCAR does, grouped by element; a step as it was built."""
    _, doped = crystals
    order = np.random.default_rng(5).permutation(len(doped))
    shuffled = doped[order]
    shuffled.positions += np.array([1, 0, -1]) @ doped.cell.array
    found = in_order_of(bonds_of(shuffled, 0.3), doped)
    expected = {
        b.name: b.icohp_ev for u in tetrahedra(doped, bonds_of(doped, 0.3)) for b in u.bonds
    }
    assert {b.name: b.icohp_ev for u in tetrahedra(doped, found) for b in u.bonds} == pytest.approx(
        expected
    )
    moved = doped.copy()
    moved.positions[3] += 0.3
    with pytest.raises(AnalysisError, match="another geometry"):
        in_order_of(bonds_of(shuffled), moved)


@pytest.mark.usefixtures("undrawn")
def test_what_is_missing_is_said_and_the_rest_stands(made: Made, tmp_path: Path) -> None:
    for result in made.results:
        assert result.step is not None
        if result.step.name in ("NZSP-NSF bonding", "NZSP stretched bonding"):
            result.status, result.reason = "unconverged", "it did not converge"
    (made.folders["NZSP elf"] / "ELFCAR").write_text("cut off")
    found = section(made.results, made.context(tmp_path / "figures"))
    assert found is not None
    assert any("NZSP-NSF bonding" in warning for warning in found.lists[CARE])
    assert any("ELFCAR" in warning for warning in found.lists[CARE])
    assert found.values["slope"] is None
    change = next(d for d in found.values["bond_differences"] if "PO3F" in d["second"])
    assert change["length_change_angstrom"] < 0  # lengths need no bonds
    assert change["strength_change_ev"] is None
    assert change["remainder_ev"] is None


@pytest.mark.usefixtures("undrawn")
def test_unaligned_crystals_are_not_subtracted(made: Made, tmp_path: Path) -> None:
    for result in made.results:
        assert result.step is not None
        result.step.metadata["align_by"] = {"O": "p"}  # a valence band is no level to align by
    found = section(made.results, made.context(tmp_path / "figures"))
    assert found is not None
    assert found.values["center_shifts"] == []


def test_nothing_finished_yet(tmp_path: Path, made: Made) -> None:
    found = section([], made.context(tmp_path / "figures"))
    assert found is not None
    assert found.values["crystals"][0]["bonds"] == []
    assert not found.figures
