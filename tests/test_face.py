"""What the rooms show: names on demand, of the right kind, without weight, in short words."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import FunctionType, ModuleType
from xml.etree import ElementTree

import numpy as np
import pytest
from pydantic import BaseModel
from pymatgen.core import IStructure, Lattice, Molecule, Structure

from natriface.analysis import (
    Band,
    Bond,
    BondPopulations,
    EnergyMap,
    Grid,
    InterfaceEnergy,
    Result,
    arrhenius,
    compare_units,
    hop_rate,
    load_published,
    structure_figure,
    summarise,
    wulff_shape,
)
from natriface.analysis.results.bond_populations import Curves
from natriface.analysis.results.result import EngineRecord
from natriface.structures import (
    Crystal,
    adatom_grid,
    adatom_sites,
    build_interface,
    build_slab,
    dope,
    enumerate_interfaces,
    exchange,
    find_matches,
    find_terminations,
    find_units,
    hop_endpoints,
    hop_network,
    load_phase,
    make_images,
    pymatgen_of,
    rank_orderings,
    structure_id,
    vacancy_hops,
)
from natriface.structures.base.atoms import atoms_of, hold, to_document
from natriface.structures.base.errors import StructureError
from natriface.workflows import RunSummary, load_study, plan_study, study_path
from natriface.workflows.report.table import Column, Table

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("structures", "analysis", "workflows")
BOND = Bond("1", (0, 1), ("P", "O"), (0, 0, 0), 1.5, -9.0, (-9.0,), None, None, {})


def shown(room: str) -> ModuleType:
    return importlib.import_module(f"natriface.{room}")


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_is_there_and_typed(room: str) -> None:
    package = shown(room)
    assert package.__version__ == version("natriface")
    tree = ast.parse((ROOT / room / "__init__.py").read_text())
    typed = {
        alias.asname: f"{node.module}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }
    assert sorted(typed) == sorted(package.__all__)
    assert set(package.__all__) <= set(dir(package))
    for name, module in typed.items():
        assert getattr(package, name) is getattr(importlib.import_module(module), name), name


@pytest.mark.parametrize("room", ROOMS)
def test_a_name_that_a_module_has_too_is_had_from_that_module(room: str) -> None:
    package = shown(room)
    modules = {path.stem for path in (ROOT / room).iterdir()} & set(package.__all__)
    for name in modules:
        assert isinstance(getattr(package, name), FunctionType), name
        assert getattr(package, name).__module__ == f"natriface.{room}.{name}"


def test_a_function_is_not_replaced_by_its_module_whichever_comes_first() -> None:
    module = "natriface.structures.paths.hop_endpoints"
    for first in (f"import {module}", f"from {module} import HopEndpoints", "pass"):
        code = (
            f"{first}; from natriface.structures import hop_endpoints as f; "
            f"from {module} import hop_endpoints as g, HopEndpoints; print(f is g)"
        )
        assert run(code) == "True"


def test_a_module_is_found_where_it_stood_before_the_rooms() -> None:
    code = (
        "import warnings; warnings.simplefilter('error', DeprecationWarning)\n"
        "try: import natriface.structures.slabs\n"
        "except DeprecationWarning as error: print(error)\n"
        "warnings.simplefilter('ignore')\n"
        "from natriface.structures.slabs import build_slab as old\n"
        "from natriface.structures.surfaces import slabs\n"
        "print(old is slabs.build_slab, slabs.__spec__.name)"
    )
    said, same = run(code).splitlines()
    assert said == (
        "natriface.structures.slabs is now natriface.structures.surfaces.slabs; "
        "import its names from natriface.structures"
    )
    assert same == "True natriface.structures.surfaces.slabs"


def test_a_module_is_found_under_its_former_name() -> None:
    code = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "from natriface.analysis.electronic_figures import pdos_stack as old\n"
        "from natriface.analysis import pdos_stack\n"
        "print(old is pdos_stack)"
    )
    assert run(code) == "True"


def test_the_package_says_its_version_and_where_its_names_are() -> None:
    code = (
        "import sys, natriface as n; print([m for m in sys.modules if m.startswith('natriface.')], "
        "n.__version__, n.analysis.__name__, 'natriface.workflows' in n.__doc__)"
    )
    assert run(code) == f"[] {version('natriface')} natriface.analysis True"
    assert run("import natriface as n; print(hasattr(n, 'load_phase'))") == "False"


def test_a_room_within_is_there_once_asked_for() -> None:
    assert run("import natriface.analysis as a; print(a.transport.__name__)") == (
        "natriface.analysis.transport"
    )


def test_an_unknown_name_is_said_to_be_none() -> None:
    with pytest.raises(AttributeError, match=r"natriface\.structures.*load_fase"):
        _ = shown("structures").load_fase


def test_a_room_is_light_until_used() -> None:
    heavy = ("numpy", "scipy", "ase", "pymatgen", "matplotlib", "spglib", "fireworks", "pydantic")
    code = (
        "import sys, natriface.structures, natriface.analysis, natriface.workflows; "
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    assert run(code) == "[]"


def examples() -> Iterator[object]:
    nzsp, sodium, halide = load_phase("NZSP"), load_phase("Na"), load_phase("NaF")
    cut = find_terminations(nzsp, (1, 1, 0))[2]
    substrate = build_slab(cut, layers=1)
    film = build_slab(find_terminations(sodium, (1, 1, 0))[0], layers=4)
    match = find_matches(substrate, film, max_area_angstrom2=160, max_strain=0.04)[0]
    yield from (nzsp, sodium, load_phase("NZSP-C2c-disordered"), cut, cut.facet, substrate, match)
    yield from (cut.facet.crystal, find_units(nzsp), find_units(nzsp).bonds)
    yield build_interface(substrate, film, match)
    doped = dope(substrate, "O", "F", coordinated_to="P", near="surface", side="top")[0]
    yield from (doped, *doped.orbits)
    yield rank_orderings(load_phase("NZSP-C2c-disordered"), best=1)[0]
    hop = vacancy_hops(halide)[0]
    ends = hop_endpoints(halide, hop)
    yield from (hop, ends, hop_network(halide, [hop.start], [hop.end]))
    yield from (exchange(ends.initial, ends.final), make_images(ends.initial, ends.final, 3))
    surface = build_slab(find_terminations(halide, (1, 0, 0))[0], layers=4, vacuum_angstrom=15)
    yield from (adatom_sites(surface)[0], adatom_grid(surface))
    crystals = {"NaF": Crystal.from_atoms(halide)}
    screening = enumerate_interfaces(crystals, {"Na": Crystal.from_atoms(sodium)})
    yield from (screening, screening[0], screening[0].film)


def results() -> Iterator[object]:
    atoms = load_phase("NZSP").atoms
    one = Result(
        kind="relax",
        status="converged",
        engine=EngineRecord(name="potential", version="1", model="chgnet"),
        settings={f"TAG{n}": n for n in range(99)},
        energy_ev=-13.0,
        final_structure=to_document(atoms),
    )
    yield from (one, one.model_copy(update={"final_structure": None, "energy_ev": None}))
    ends = hop_endpoints(load_phase("NaF"), vacancy_hops(load_phase("NaF"))[0])
    path = make_images(ends.initial, ends.final, 3).images
    forces = [np.zeros((len(path[0]), 3))] * 5
    band = Band.of(path, energies_ev=[0.0, 0.2, 0.3, 0.2, 0.0], forces_ev_per_angstrom=forces)
    yield from (band, summarise(band))
    curves = Curves(np.zeros(9), ("1",), np.zeros((1, 1, 9)), np.zeros((1, 1, 9)))
    yield from (curves, BondPopulations((BOND,), curves, source="LOBSTER 5.1.1"))
    axes = [*np.eye(3), *-np.eye(3)]
    yield wulff_shape({"(100)": axes}, {"(100)": 0.3})
    yield EnergyMap(atoms, np.zeros((6, 6)), (0.0, 0.0))
    yield Grid(atoms, np.zeros((1, 20, 20, 20)), Path("a/folder") / ("long" * 60) / "ELFCAR")
    yield compare_units(atoms, atoms)
    yield InterfaceEnergy("work of adhesion", "W", 1.0, 0.06, 1.0, 16.0, 1, {"interface": -13.0})
    yield load_published("li2025")
    study = load_study(study_path("oh2026-halides"))
    plan = plan_study(study, study_path("oh2026-halides").parent, to_run=False)
    yield from (study, plan, plan.steps[0])
    yield hop_rate(0.4)
    yield arrhenius([300, 350, 400], [1e-4, 4e-4, 1e-3])
    yield RunSummary(study.name, Path("runs"), (), 0, None, 12.0)
    yield Table("Energies", [Column("what")], [["a"]] * 99)


def test_strings_of_documents_are_as_short() -> None:
    for thing in results():
        if isinstance(thing, BaseModel):
            assert str(thing) == repr(thing)


def test_reprs_are_a_line() -> None:
    for thing in (*examples(), *results()):
        text = repr(thing)
        assert text.startswith(f"{type(thing).__name__}("), text
        assert text.endswith(")")
        assert len(text) <= 120, text
        assert "array" not in text
        assert "\n" not in text


def test_a_repr_says_formula_facet_atoms_and_area() -> None:
    slab = build_slab(find_terminations(load_phase("NaF"), (1, 0, 0))[0], layers=2)
    text = repr(slab)
    for part in ("Na2F2", "(100)-1", "4 atoms", f"{slab.area_angstrom2:.1f} A2"):
        assert part in text


def rocksalt(**species: str) -> Structure:
    cation, anion = species.get("cation", "Na+"), species.get("anion", "F-")
    return Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(4.6), [cation, anion], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )


def test_a_pymatgen_structure_is_taken_as_its_atoms() -> None:
    crystal = rocksalt()
    atoms = atoms_of(crystal)
    assert atoms.get_chemical_formula() == "F4Na4"
    assert structure_id(crystal) == structure_id(atoms)
    assert structure_id(IStructure.from_sites(crystal.sites)) == structure_id(atoms)
    assert repr(find_terminations(crystal, (1, 0, 0))) == repr(find_terminations(atoms, (1, 0, 0)))
    assert vacancy_hops(crystal)[0] == vacancy_hops(atoms)[0]


def test_frozen_atoms_of_pymatgen_stay_frozen() -> None:
    crystal = rocksalt()
    crystal.add_site_property("selective_dynamics", [[False] * 3] + [[True] * 3] * 7)
    assert atoms_of(crystal).constraints[0].index.tolist() == [0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Molecule(["Na"], [[0, 0, 0]]), "Molecule is no crystal"),
        (Structure(Lattice.cubic(3), [{"Na": 0.5, "K": 0.5}], [[0, 0, 0]]), "disordered"),
        (Structure(Lattice.cubic(3), ["X"], [[0, 0, 0]]), "X0+, which is no element"),
        ("NaF", "str is no structure"),
        (None, "NoneType is no structure"),
    ],
)
def test_what_is_no_crystal_is_refused(given: object, message: str) -> None:
    with pytest.raises(StructureError, match=message.replace("+", r"\+")):
        find_terminations(given, (1, 0, 0))  # type: ignore[arg-type]


def test_a_crystal_goes_to_pymatgen_and_back() -> None:
    halide = load_phase("NaF")
    slab = build_slab(find_terminations(halide, (1, 0, 0))[0], layers=2, vacuum_angstrom=15)
    held = slab.atoms.copy()
    hold(held, fixed=[0, 2], in_plane=[1])
    given = pymatgen_of(held)
    assert given.composition.reduced_formula == "NaF"
    assert given.distance_matrix == pytest.approx(held.get_all_distances(mic=True))
    assert given.site_properties["selective_dynamics"][:3] == [
        [False] * 3, [False, False, True], [False] * 3
    ]  # fmt: skip
    back = atoms_of(given)
    assert structure_id(back) != structure_id(slab.atoms)  # held as before
    back.set_constraint()
    back.set_tags(slab.atoms.get_tags())
    assert structure_id(back) == structure_id(slab.atoms)
    assert "selective_dynamics" not in pymatgen_of(halide).site_properties


def test_figures_and_tables_show_themselves_in_notebooks() -> None:
    figure = structure_figure(load_phase("NaF"), "NaF")
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    shown = Table("Some <b>", [Column("what"), Column("energy", "eV", 2)], [["a & b", None]])
    html = shown._repr_html_()
    assert "<caption>Some &lt;b&gt;</caption>" in html
    assert ">a &amp; b</td>" in html
    assert "energy (eV)" in html


def test_what_is_built_and_read_is_a_table_in_notebooks() -> None:
    cut = find_terminations(load_phase("NaF"), (1, 0, 0))[0]
    slab = build_slab(cut, layers=2)
    match = find_matches(slab, slab)[0]
    interface = build_interface(slab, slab, match)
    fit = arrhenius([300, 350, 400], [1e-4, 4e-4, 1e-3])
    bonds = BondPopulations((BOND,))
    shown = (cut, slab, match, interface, fit, bonds)
    for thing in shown:
        html = thing._repr_html_()
        assert ElementTree.fromstring(html).tag == "table"
        assert len(html) < 1500
    assert "<th>ICOHP (eV)</th>" in bonds._repr_html_()
    assert " ± " in fit._repr_html_()


def test_what_another_function_makes_is_asked_for() -> None:
    halide = load_phase("NaF")
    cuts = find_terminations(halide, (1, 0, 0))
    slab = build_slab(cuts[0], layers=2)
    with pytest.raises(StructureError, match=r"not a Termination but a list .* find_terminations"):
        build_slab(cuts, layers=2)  # type: ignore[arg-type]
    with pytest.raises(StructureError, match=r"not a Slab but a Phase .* build_slab"):
        build_interface(halide, slab, find_matches(slab, slab)[0])  # type: ignore[arg-type]
    with pytest.raises(StructureError, match=r"not a Match but a list .* find_matches"):
        build_interface(slab, slab, find_matches(slab, slab))  # type: ignore[arg-type]
    with pytest.raises(StructureError, match="2 x 2 matrix of rows in A, not a Phase"):
        find_matches(halide, slab)  # type: ignore[arg-type]
