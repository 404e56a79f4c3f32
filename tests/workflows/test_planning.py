"""What a study cannot have is refused when it is planned, before anything is computed."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from ase import Atoms
from ase.io import write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from natriface.structures.base.errors import EngineError, NatrifaceError, StudyError
from natriface.structures.base.numbers import Real, Whole
from natriface.structures.base.yaml_files import MOST_BYTES, parse_yaml, read_yaml
from natriface.workflows.engines.potential.calculators import check_atoms, known_elements
from natriface.workflows.engines.potential.settings import PotentialSettings
from natriface.workflows.errors import WorkspaceError
from natriface.workflows.planning import lacking, plan_study
from natriface.workflows.protocols import load_protocol
from natriface.workflows.study import Study, load_study, study_path
from natriface.workflows.workspace import Workspace

INTERFACES = """
name: small
title: Na on NaF
substrates:
  NaF: {phase: NaF, miller: [1, 0, 0], layers: 1}
films:
  Na: {phase: Na, miller: [1, 0, 0], layers: 2}
"""
HOPS = """
name: small
title: hops
migration:
  bulk:
    NaF: {phase: NaF, max_hops: 1}
"""
ADATOMS = """
name: small
title: adatoms
adsorption:
  surfaces:
    NaF: {phase: NaF, miller: [1, 0, 0], layers: 3, repeats: [2, 2], sites: [on-top Na]}
"""
CRYSTALS = """
name: small
title: electrons
electronic_structure:
  crystals:
    NaF: {phase: NaF}
"""


def planned(text: str, folder: Path) -> list[str]:
    """What this machine lacks to run the study, which is planned as `natriface plan` does."""
    path = folder / "study.yaml"
    path.write_text(text)
    return lacking(plan_study(load_study(path), folder, to_run=False))


# ---- YAML ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: {c: 1,\n  c: 2}", "line 3: the key 'c' is given twice"),
        ("a: 1\n'a': 2", "line 2: the key 'a' is given twice"),
        ("no: {}", "the key no is read as false"),
        ("110: {}", "the key 110 is read as the number 110"),
        ("~: {}", "the key ~ is read as nothing"),
        ("a: 010", "base eight"),
        ("a: 12:30", "base sixty"),
        ("a: 2025-01-31", "read as a date"),
        ("a: .nan", "no finite number"),
        ("a: [1, -.inf]", "no finite number"),
        ("a: 1e999", "no finite number"),
        ("a: 99999999999999999999", "too large"),
        ('a: "b\\0"', "a character that is none"),
        ("a: !!python/name:os.system x", "tag"),
        ("a: !!binary aGk=", "tag"),
        ("? [1, 2]\n: 3", "a key is a word"),
        ("a: &x [*x]", "lies within what it stands for"),
        ("a: *x", "no anchor"),
        ("a: 1\n---\na: 2", "a second document"),
        ("a:\n\t- b", "line 2: not valid YAML"),
        ("a: " + "[" * 200, "level|nesting"),
        ("a: {<<: 3}", "<< takes a mapping"),
    ],
)
def test_yaml_that_reads_otherwise_than_it_looks_is_refused(text: str, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        parse_yaml(text, "file.yaml")


def test_yaml_reads_what_is_sound() -> None:
    text = (
        "\ufeffa: 1e-3\r\nb: 1_000\r\nc: &x {p: 1, q: 2}\r\nd: {<<: *x, q: 3}\r\n"
        "e: [yes, 'no', ~, 0x10, -1.5, '010', 1.0e+5]\r\n"
    )
    assert parse_yaml(text.encode(), "file.yaml") == {
        "a": 0.001,
        "b": 1000,
        "c": {"p": 1, "q": 2},
        "d": {"p": 1, "q": 3},
        "e": [True, "no", None, 16, -1.5, "010", 1e5],
    }


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        # 1e3 and 08, which PyYAML takes for texts and writes without quotes, are none here
        | st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126)).filter(
            lambda text: not re.match(r"[-+]?\d", text)
        ),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.text(st.characters(codec="utf-8", categories=["L"]), min_size=1), inner
            )
        ),
        max_leaves=12,
    )
)
def test_plain_data_comes_back_from_yaml_as_it_was(data: object) -> None:
    assert parse_yaml(yaml.safe_dump(data, allow_unicode=True), "file.yaml") == data


def test_anchors_that_unfold_without_end_are_bounded() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    with pytest.raises(StudyError, match="values"):
        parse_yaml("\n".join(lines), "bomb.yaml")


def test_files_that_are_no_yaml_files(tmp_path: Path) -> None:
    (tmp_path / "large.yaml").write_bytes(b"#" * (MOST_BYTES + 1))
    (tmp_path / "empty.yaml").touch()
    (tmp_path / "latin.yaml").write_bytes("a: Müller".encode("latin-1"))
    for name, words in {
        "large.yaml": "MB",
        "empty.yaml": "is empty",
        "latin.yaml": "UTF-8",
        ".": "a folder",
        "nowhere.yaml": "no file",
        "x" * 300: "cannot be read",
    }.items():
        with pytest.raises(StudyError, match=words):
            read_yaml(tmp_path / name)
    with pytest.raises(StudyError, match="folder"):
        study_path(str(tmp_path))


# ---- numbers ---------------------------------------------------------------------------------


class Numbers(BaseModel):
    real: Real = 0.0
    whole: Whole = 0


@pytest.mark.parametrize("value", [True, False, float("nan"), float("inf"), "nan", "-inf"])
def test_numbers_are_finite_and_no_booleans(value: object) -> None:
    for key in ("real", "whole"):
        with pytest.raises(ValidationError):
            Numbers.model_validate({key: value})
    with pytest.raises(ValidationError):
        PotentialSettings.model_validate({"fmax_ev_per_angstrom": value})


# ---- studies ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (INTERFACES + "compare_with: li2052", "did you mean 'li2025'"),
        (INTERFACES.replace("name: small", "name: " + "n" * 300), "at most 80"),
        (INTERFACES.replace(" Na:", " " + "N" * 300 + ":"), "80 at most"),
        (INTERFACES.replace(" Na:", " N/a:"), "'/'"),
        (INTERFACES.replace(" Na:", " '':"), "no letter"),
        (INTERFACES.replace(" Na:", " '..':"), "no letter"),
        (INTERFACES.replace(" Na:", " 'N|a':"), "parts the names"),
        (INTERFACES.replace(" Na:", " 'Na ':"), "blanks"),
        (INTERFACES + "  nA: {phase: Na, miller: [1, 1, 0], layers: 2}", "share the names"),
        (INTERFACES.replace(" Na:", " NaF:"), "different steps would be named"),
        (INTERFACES.replace("layers: 2", "layers: true"), "not yes or no"),
        (INTERFACES.replace("layers: 2", "layers: 1000000"), "max_atoms"),
        (INTERFACES.replace("phase: Na,", "phase: no,"), "put a name in quotes"),
        (INTERFACES.replace("phase: Na,", f"phase: {'p' * 300},"), "255 bytes"),
        (INTERFACES + "engine: vaps", "did you mean 'vasp'"),
        (INTERFACES + "engine: os:getcwd", "no engine"),
        (INTERFACES + "protocol: li2052", "did you mean 'li2025'"),
        (INTERFACES + "interfaces: {pairs: []}", "at least 1"),
        (INTERFACES + "interfaces: {pairs: [[Na, NaF], [Na, NaF]]}", "twice"),
        (INTERFACES + "interfaces: {max_area_angstrom2: 1.0e+9}", "max_area"),
        (INTERFACES + "interfaces: {max_area_angstrom2: 10000}", "supercells of up to"),
        (INTERFACES + "settings: {relx: {}}", "did you mean 'relax'"),
        (INTERFACES + "settings: {gpwa.relax: {}}", "did you mean 'gpaw'"),
        (INTERFACES + "settings: {relax: {fmax: 1}}", "did you mean 'fmax_ev_per_angstrom'"),
        (INTERFACES + "settings: {relax: {ENCUT: 480}}", "ENCUT"),
        (INTERFACES + "settings: {relax: {max_steps: true}}", "not yes or no"),
        (
            "films: {A: {phase: Na, miller: [0, 0, 0, 1], layers: 2}}",
            r"of \(h k i l\) drop the third",
        ),
        ("films: {A: {phase: Na, miller: [100], layers: 2}}", r"write \[1, 0, 0\] for \(100\)"),
        (INTERFACES + "settings: {relax: {model: nope}}", "no calculator 'nope'"),
        (INTERFACES + "settings: {relax: {model: 'no.where:Class'}}", "no calculator"),
        (INTERFACES + "settings: {relax: {model: 'os:sep'}}", "no calculator"),
        (INTERFACES + "settings: {relax: {model: chgnet-9}}", "no weights"),
        (INTERFACES + "settings: {relax: {model: emt}}", "does not know F and Na"),
        (INTERFACES + "settings: {static: {model_options: {device: tpu}}}", "no device"),
        (
            INTERFACES
            + "settings: {relax: {model: eam, model_options: {potential: /no/such.alloy}}}",
            "which is not there",
        ),
        (INTERFACES + "films2: {}\nfilms3: {like: 1}", "unknown key"),
        (INTERFACES + "  X: {like: [1]}", "one label is wanted"),
        (HOPS.replace("max_hops: 1", "repeats: [100, 100, 100]"), "8,000,000 atoms"),
        (HOPS.replace("max_hops: 1", "max_length_angstrom: 1.0e+6"), "less than or equal"),
        (HOPS.replace("max_hops: 1", "max_hops: 0"), "greater than or equal to 1"),
        (HOPS + "  pre_engine: vaps", "did you mean 'vasp'"),
        (ADATOMS.replace("[2, 2]", "[100, 100]"), "60,000 atoms"),
        (ADATOMS.replace("on-top Na", "on-topp"), "no site"),
        (ADATOMS + "  references: [isolated atom]", "without neighbours"),
        (ADATOMS + "  references: [isolated atom]\n  box_angstrom: 3", "greater than or equal"),
        (ADATOMS.replace("layers: 3", "layers: 3, element: Xx"), "no element"),
        (ADATOMS.replace("layers: 3", "layers: 3, element: Cs"), "no phase 'Cs'"),
        (ADATOMS.replace("layers: 3", "layers: 3, map: {shape: [1000, 1]}"), "100"),
        (CRYSTALS.replace("NaF}", "NaF, repeats: [100, 100, 100]}"), "2,000,000 atoms"),
        (CRYSTALS + "  relax_with: vaps", "did you mean 'vasp'"),
        (CRYSTALS + "  engine: potential", "cannot do 'bonding'"),
        (CRYSTALS + "  orbitals: {Q: p}", "no element"),
    ],
)
def test_what_cannot_be_computed_is_refused_by_the_plan(
    text: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(NatrifaceError, match=words):
        planned(text, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        INTERFACES,
        INTERFACES.replace(" Na:", " β-Na °:"),
        INTERFACES.replace(" Na:", " Na metal, 2 layers:"),
        INTERFACES.replace("layers: 2", "layers: 2.0"),
        INTERFACES + "settings: {relax: {fmax_ev_per_angstrom: 1e-3}}",
        INTERFACES + "settings: {relax: {model: lj}, static: {model: lj}}",
        INTERFACES.replace("NaF: {", "NaF: &slab {").replace(
            "Na: {phase: Na,", "Na: {<<: *slab, phase: Na,"
        ),
        INTERFACES.replace("\n", "\r\n"),
        ADATOMS,
    ],
)
def test_unusual_studies_that_are_sound_are_planned(text: str, tmp_path: Path) -> None:
    assert planned(text, tmp_path) == []


def test_a_cuda_that_torch_is_not_built_for(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    if torch.backends.cuda.is_built():
        pytest.skip("this torch is built for CUDA")
    with pytest.raises(EngineError, match="not built for it"):
        planned(INTERFACES + "settings: {relax: {model_options: {device: cuda}}}", tmp_path)


def test_elements_that_chgnet_has_never_seen(tmp_path: Path) -> None:
    pytest.importorskip("chgnet")
    for symbol in ("Es", "Rn", "Po"):
        atoms = Atoms(symbol, cell=[[0, 2, 2], [2, 0, 2], [2, 2, 0]], pbc=True)
        with pytest.raises(EngineError, match=symbol):
            check_atoms("chgnet-0.3.0", atoms)
    known = known_elements("chgnet-0.3.0")
    assert known is not None
    assert len(known) == 89
    assert {"Na", "Zr", "Si", "P", "O", "F", "Pu"} <= known


def test_a_calculator_that_declares_its_elements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "declared_elements.py").write_text(
        "from ase.calculators.lj import LennardJones\n"
        "class Calculator(LennardJones):\n    elements = ('Na', 'Cl')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    model = "settings: {relax: {model: 'declared_elements:Calculator'}}"
    with pytest.raises(EngineError, match="does not know F"):
        planned(INTERFACES + model, tmp_path)
    sys.modules.pop("declared_elements", None)


def test_elements_of_structures_that_come_from_another_step(tmp_path: Path) -> None:
    pytest.importorskip("gpaw_data")
    lattice = [[0, 3, 3], [3, 0, 3], [3, 3, 0]]
    write(tmp_path / "u.vasp", Atoms("UC", [[0, 0, 0], [3, 0, 0]], cell=lattice, pbc=True))
    text = CRYSTALS.replace("phase: NaF", "phase: u.vasp")
    with pytest.raises(EngineError, match=r"no PAW dataset U\.PBE"):
        planned(text, tmp_path)


def test_what_this_machine_lacks_is_said_and_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "machine.yaml").write_text("cores: 1\n")
    monkeypatch.setenv("NATRIFACE_CONFIG", str(tmp_path / "machine.yaml"))
    (said,) = planned(INTERFACES + "engine: vasp\nquantities: [integrity]", tmp_path)
    assert "vasp_command" in said
    path = tmp_path / "study.yaml"
    with pytest.raises(EngineError, match="vasp_command"):
        plan_study(load_study(path), tmp_path)
    text = "engine: vasp\nquantities: [integrity]\nsettings: {relax: {potcars: {F: F_x}}}"
    with pytest.raises(EngineError, match="no POTCAR"):
        planned(INTERFACES + text, tmp_path)


def test_protocols_name_engines_and_kinds_that_are(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    for engines, words in {
        "{vaps: {}}": "did you mean 'vasp'",
        "{vasp: {relx: {}}}": "did you mean 'relax'",
        "{vasp: {all: {ENCUT: {value: 1, source: ''}}}}": "at least 1 character",
        "{vasp: {all: {ENCUT: {valeu: 1, source: x}}}}": "did you mean 'value'",
    }.items():
        path.write_text(f"name: mine\ndescription: d\nengines: {engines}\n")
        with pytest.raises(StudyError, match=words):
            load_protocol("mine.yaml", tmp_path)
    path.write_text("name: mine\ndescription: d\nparent: ../w/mine.yaml\n")
    (tmp_path / "w").mkdir()
    path.rename(tmp_path / "w" / "mine.yaml")
    with pytest.raises(StudyError, match="ring"):
        load_protocol("mine.yaml", tmp_path / "w")


def test_a_file_in_the_place_of_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in ("file", "file/in/it"):
        with pytest.raises(WorkspaceError, match="is a file"):
            Workspace(tmp_path / place).require_writable()
    Workspace(tmp_path / "new" / "one").require_writable()


KEYS = st.sampled_from(sorted(Study.model_fields))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from([INTERFACES, HOPS, ADATOMS, CRYSTALS]), KEYS, VALUES)
def test_a_wrong_value_anywhere_is_one_sentence(
    tmp_path: Path, text: str, key: str, value: object
) -> None:
    content = yaml.safe_load(text) | {key: value}
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(content))
    with suppress(StudyError):  # and nothing else
        load_study(path)
