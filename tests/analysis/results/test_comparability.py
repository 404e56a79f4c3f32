"""Like with like: what has a value for each species is compared by element, not by list."""

from __future__ import annotations

from typing import Any

import pytest
from ase import Atoms

from natriface.analysis.readers.vasp.decisive_settings import decisive_settings
from natriface.analysis.results.comparability import hubbard_terms, require_like
from natriface.analysis.results.result import Convergence, EngineRecord, Result
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import AnalysisError


def result(formula: str, kind: str = "relax", **settings: Any) -> Result:
    return Result(
        kind=kind,
        status="converged",
        engine=EngineRecord(name="vasp", version="6.4.2"),
        convergence=Convergence(),
        initial_structure=to_document(Atoms(formula)),
        settings={"ENCUT": 480, **settings},
    )


def plus_u(formula: str, **settings: Any) -> Result:
    return result(formula, LDAU=True, LDAUTYPE=2, LDAUJ={}, **settings)


def test_one_list_for_cells_of_other_species_is_not_the_same_u() -> None:
    lists = {"LDAUL": [-1, -1, 2], "LDAUU": [0, 0, 3.1]}
    interface = plus_u("ZrO2V", **lists)
    assert hubbard_terms(interface) == {
        "V": {"LDAUTYPE": 2, "LDAUL": 2, "LDAUU": 3.1, "LDAUJ": 0.0}
    }
    require_like([interface, plus_u("ZrO2V", **lists)])
    with pytest.raises(AnalysisError, match="of which elements"):
        require_like([interface, plus_u("V4", **lists)])  # which value is V's is not told
    two = plus_u("VO2", LDAUL=[2, -1], LDAUU=[3.1, 0])
    require_like([interface, two])
    swapped = plus_u("O2V", LDAUL=[2, -1], LDAUU=[3.1, 0])
    with pytest.raises(AnalysisError, match=r"LDAUTYPE, O: none against 2"):
        require_like([interface, swapped])


def test_a_slab_without_the_element_has_no_u_to_compare() -> None:
    asked = {"LDAUL": {"V": 2}, "LDAUU": {"V": 3.1}}
    interface, oxide, metal = (plus_u(f, **asked) for f in ("ZrO2V", "ZrO2", "V4"))
    require_like([interface, oxide, metal])
    require_like([interface, result("ZrO2"), metal])
    with pytest.raises(AnalysisError, match="LDAUTYPE, V: 2 against none"):
        require_like([interface, result("V4")])
    other = plus_u("V4", LDAUL={"V": 2}, LDAUU={"V": 3.2})
    with pytest.raises(AnalysisError, match=r"LDAUU, V: 3\.1 against 3\.2"):
        require_like([interface, other])
    require_like([result("V4"), plus_u("V4", LDAUL={"V": 2}, LDAUU={"V": 0.0})])


def test_the_settings_of_others_are_judged_alike() -> None:
    """As read from OUTCAR and vasprun.xml: the functional's name, and lists."""
    u = {"LDAUTYPE": 2, "LDAUL": [-1, -1, 2], "LDAUU": [0.0, 0.0, 3.1], "LDAUJ": [0.0] * 3}
    interface = result("ZrO2V", functional="PBE+U", **u)
    require_like([interface, result("ZrO2", functional="PBE")])
    with pytest.raises(AnalysisError, match="V: 2 against none"):
        require_like([interface, result("V4", functional="PBE")])
    with pytest.raises(AnalysisError, match=r"functional: PBE\+U against SCAN"):
        require_like([interface, result("ZrO2", functional="SCAN")])
    with pytest.raises(AnalysisError, match="functional"):
        require_like([result("ZrO2", functional="PBE"), result("ZrO2", functional="PBE+U")])
    one_number = dict(u, LDAUL=2, LDAUU=3.1, LDAUJ=0.0)
    require_like([interface, result("V4", functional="PBE+U", **one_number)])


def test_other_lists_of_species_are_compared_by_element() -> None:
    require_like([result("ZrO2V", VDW_C6=[1.0, 2.0, 3.0]), result("V4", VDW_C6=[3.0])])
    require_like([result("ZrO2V", ROPT=[-2e-4] * 3), result("O2", ROPT={"O": -2e-4})])
    with pytest.raises(AnalysisError, match="VDW_C6, V"):
        require_like([result("ZrO2V", VDW_C6=[1.0, 2.0, 3.0]), result("V4", VDW_C6=[1.0])])
    require_like([result("V4", MAGMOM={"V": 2.0}), result("ZrO2V", MAGMOM={"V": 2.0})])


def test_one_element_as_several_species() -> None:
    """Sublattices of other moments are species of their own, mostly with one U."""
    u = {"LDAUTYPE": 2, "LDAUL": [2, 2, -1], "functional": "PBE+U", "species": ["Fe", "Fe", "O"]}
    both = result("FeFeO2", LDAUU=[4.3, 4.3, 0.0], **u)
    assert hubbard_terms(both) == {"Fe": {"LDAUTYPE": 2, "LDAUL": 2, "LDAUU": 4.3, "LDAUJ": 0.0}}
    one = result("FeO", LDAUTYPE=2, LDAUL=[2, -1], LDAUU=[4.3, 0.0], functional="PBE+U")
    require_like([both, one])
    unlike = result("FeFeO2", LDAUU=[4.3, 5.0, 0.0], **u)
    require_like([unlike, unlike])
    with pytest.raises(AnalysisError, match="LDAUU"):
        require_like([both, unlike])


def test_readers_name_the_species_where_the_atoms_do_not_tell() -> None:
    u = {"LDAU": True, "LDAUU": [4.3, 4.3, 0.0]}
    twice = decisive_settings(u, u, ["Fe", "Fe", "O", "O"], [], [1, 1, 2], None, {})
    assert twice["species"] == ["Fe", "Fe", "O"]
    once = decisive_settings(u, u, ["Fe", "Fe", "O"], [], [2, 1], None, {})
    assert "species" not in once


def test_titles_mixing_and_the_case_of_words_decide_no_energy() -> None:
    relaxed = result("NaF", SYSTEM="a slab", AMIX=0.2, NSIM=8, NELMDL=-7, LREAL="auto", GGA="pe")
    rigid = result("NaF", kind="static", SYSTEM="another", LREAL="Auto", GGA="PE")
    require_like([relaxed, rigid])
    with pytest.raises(AnalysisError, match="setting GGA: PE against PS"):
        require_like([relaxed, result("NaF", kind="static", LREAL="Auto", GGA="PS")])


def test_what_steers_only_the_path_is_what_the_engine_says() -> None:
    def by_toy(kind: str, declared: tuple[str, ...] | None, **settings: Any) -> Result:
        toy = EngineRecord(name="toy", version="1")
        made = result("V4", kind, **settings)
        return made.model_copy(update={"engine": toy, "path_settings": declared})

    declared = ("sweeps",)
    relaxed = by_toy("relax", declared, sweeps=5)
    require_like([relaxed, by_toy("static", declared)])
    with pytest.raises(AnalysisError, match="setting sweeps: 5 against 6"):
        require_like([relaxed, by_toy("relax", declared, sweeps=6)])
    with pytest.raises(AnalysisError, match="setting NSW: 5 against not set"):
        require_like([by_toy("relax", declared, NSW=5), by_toy("static", declared)])
    with pytest.raises(AnalysisError, match="setting sweeps"):
        require_like([by_toy("relax", None, sweeps=5), by_toy("static", None)])
    require_like([by_toy("relax", None, NSW=5, fmax_ev_per_angstrom=1), by_toy("static", None)])
    require_like([result("V4", NSW=5, EDIFFG=-0.02), result("V4", "static")])


def test_relaxations_from_other_starts_are_alike() -> None:
    one, other = (result("NaF", rattle_angstrom=rattle) for rattle in (0.03, 0.0))
    require_like([one, other])
    with pytest.raises(AnalysisError, match="fmax"):
        require_like([one, result("NaF", fmax_ev_per_angstrom=0.1)])


def by_potential(options: dict[str, Any] | None, **engine: Any) -> Result:
    record = EngineRecord(name="potential", version="1", **{"model": "sevennet-mf-0", **engine})
    settings = {} if options is None else {"model_options": options}
    found = result("NaF").model_copy(update={"engine": record})
    return found.model_copy(update={"settings": settings})


def test_other_options_of_a_potential_are_another_potential() -> None:
    pbe = by_potential({"modal": "PBE"})
    for other, words in (
        (by_potential({"modal": "R2SCAN"}), "modal: PBE against R2SCAN"),
        (by_potential({}), "modal: PBE against not set"),
        (by_potential(None), "modal: PBE against not set"),
        (by_potential({"modal": "PBE"}, model="sevennet-0"), "model: "),
        (by_potential({"modal": "PBE", "dispersion": True}), "dispersion: not set against True"),
    ):
        for pair in ([pbe, other], [other, pbe]):
            with pytest.raises(AnalysisError, match="not computed alike"):
                require_like(pair)
        with pytest.raises(AnalysisError, match=words):
            require_like([pbe, other])


def test_where_a_potential_is_computed_and_what_it_was_not_told_are_no_difference() -> None:
    require_like([by_potential({"modal": "PBE", "device": "cuda"}), by_potential({"modal": "PBE"})])
    require_like([by_potential({}), by_potential(None)])


def test_other_weights_are_another_potential() -> None:
    one, other = (by_potential({}, weights_sha256=c * 64) for c in "ab")
    with pytest.raises(AnalysisError, match="weights of the model"):
        require_like([one, other])
    require_like([one, by_potential({}, weights_sha256="a" * 64)])
    require_like([one, by_potential({})])  # of before weights were recorded


def test_one_potential_by_two_names_is_alike() -> None:
    def by(name: str) -> Result:
        made = result("NaF", model=name)
        engine = EngineRecord(name="potential", version="1", model=name)
        return made.model_copy(update={"engine": engine})

    require_like([by("chgnet"), by("chgnet-0.3.0")])
    with pytest.raises(AnalysisError, match="not computed alike"):
        require_like([by("chgnet"), by("chgnet-0.2.0")])
