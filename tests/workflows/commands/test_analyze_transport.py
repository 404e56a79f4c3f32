"""`natriface analyze arrhenius`, `sand` and `asr` as a user meets them."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from natriface.structures.base.errors import NatrifaceError
from natriface.workflows.commands.analyze import app

HEADER = "current_mA_per_cm2,diffusivity_cm2_per_s,concentration_mol_per_L,transference_number"


def table(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text)
    return path


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def run(*words: object) -> str:
    """What is printed to standard output, and nothing of what is said to standard error."""
    with redirect_stdout(StringIO()) as printed:
        app([*map(str, words)], standalone_mode=False)
    return printed.getvalue()


@pytest.mark.parametrize("temperature", ["temperature_K", "temperature_C"])
def test_arrhenius_of_impedances(tmp_path: Path, temperature: str) -> None:
    """A pellet of 0.1 cm and 0.5 cm2: 1.3e-3 S/cm at 25 C, 1.373e-2 at 100 C."""
    zero = 273.15 if temperature == "temperature_K" else 0.0
    rows = [(25, 0.1 / (1.3e-3 * 0.5)), (100, 0.1 / (1.373e-2 * 0.5))]
    lines = [f"{zero + t};{r};0.1;0.5;by me" for t, r in rows]
    path = table(
        tmp_path,
        "\n".join(
            [f"{temperature};resistance_ohm;thickness_cm;area_cm2;who", "", "# mine", *lines]
        ),
    )
    found = json.loads(run("arrhenius", path, "--json"))
    assert found["activation_energy_ev"] == pytest.approx(0.33, abs=1e-4)
    assert found["activation_energy_error_ev"] is None
    assert found["columns"]["conductivity_S_per_cm"] == pytest.approx([1.3e-3, 1.373e-2])
    assert "error of the activation energy is not known" in run("arrhenius", path)


def test_arrhenius_with_errors(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "temperature_K,conductivity_S_per_cm,relative_error\n"
        "300,1e-3,0.05\n330,3e-3,0.05\n360,8e-3,0.05\n",
    )
    text = run("arrhenius", path)
    assert "activation_energy_error_ev" in text
    assert "S/cm; fitted as ln(σ T) against 1 / T" in text


def test_arrhenius_says_what_its_error_leaves_out(tmp_path: Path) -> None:
    """Scatter of a third under errors of 1 %; a conductivity that falls with temperature."""
    header = "temperature_K,conductivity_S_per_cm,relative_error\n"
    wild = table(tmp_path, header + "300,1e-3,0.01\n330,4e-3,0.01\n360,8e-3,0.01\n")
    assert "scatter about the line more than their relative errors explain" in run(
        "arrhenius", wild
    )
    tame = table(tmp_path, header + "300,1e-3,0.3\n330,4e-3,0.3\n360,8e-3,0.3\n")
    assert "more than" not in run("arrhenius", tame)
    falling = table(tmp_path, header + "300,8e-3,0.5\n330,3e-3,0.5\n360,1e-3,0.5\n")
    assert "does not rise with temperature" in run("arrhenius", falling)


def test_sand_in_both_forms(tmp_path: Path) -> None:
    path = table(tmp_path, f"{HEADER}\n1,1e-6,1,0.3\n")
    times = [
        json.loads(run("sand", path, "--json", *more))["columns"]["sand_time_s"][0]
        for more in ([], ["--as-printed"])
    ]
    assert times == pytest.approx([14921.6, 3582.7], abs=0.05)
    far = table(tmp_path, f"{HEADER},distance_cm\n1,1e-6,1,0.3,0.1\n1,1e-6,1,0.3,1\n")
    found = json.loads(run("sand", far, "--json"))["columns"]
    assert found["sand_time_s"] == [None, pytest.approx(14921.6, abs=0.05)]
    assert found["limiting_current_mA_per_cm2"] == pytest.approx([2.75672, 0.275672], rel=1e-5)
    assert "inf" in run("sand", far)


def test_asr_of_contacts_and_layers(tmp_path: Path) -> None:
    path = table(tmp_path, "resistance_ohm\tarea_cm2\tcontacts\n4\t1\t2\n")
    assert json.loads(run("asr", path, "--json"))["columns"][
        "area_specific_resistance_ohm_cm2"
    ] == [2.0]
    path = table(tmp_path, "thickness_cm,conductivity_S_per_cm\n0.1,1.3e-3\n")
    assert "76.9231" in run("asr", path)


@pytest.mark.parametrize(
    ("command", "text", "said"),
    [
        ("asr", "", "no table"),
        ("asr", "ohm,cm2\n1,2\n", "no column is known among ohm, cm2"),
        ("asr", "resistance_ohm,area_cm2\n1\n", "line 2: 1 values under 2 column names"),
        ("asr", "resistance_ohm,area_cm2\n1,nan\n", "line 2, area_cm2: 'nan' is no finite number"),
        ("asr", "resistance_ohm,area_cm2\n1,1e999\n", "is no finite number"),
        ("asr", "resistance_ohm,resistance_ohm\n1,1\n", "two columns are named"),
        ("asr", "resistance_ohm\n1\n", "give the columns resistance_ohm and area_cm2, or"),
        ("asr", "resistance_ohm,area_cm2\n1,0\n", "area must be positive, got 0 cm2"),
        (
            "asr",
            "thickness_cm,conductivity_S_per_cm,contacts\n1,1,2\n",
            "contacts belong to resistance_ohm",
        ),
        (
            "arrhenius",
            "temperature_K,temperature_C,conductivity_S_per_cm\n300,27,1\n",
            "more than one of temperature_K, or temperature_C",
        ),
        ("arrhenius", "temperature_K,conductivity_S_per_cm\n300,1\n", "at two temperatures"),
        ("asr", "resistance_ohm,area_cm2,contact\n4,1,2\n", "'contact' is not known: rename it"),
        ("sand", f"{HEADER},distance_um\n1,1e-6,1,0.3,1\n", "values, to 'distance_cm'"),
        (
            "arrhenius",
            "temperature_K,conductivity_mS_per_cm\n300,1\n330,3\n",
            "'conductivity_mS_per_cm' is not known: rename it, with its values, to 'conductivity_S",
        ),
        (
            "arrhenius",
            "temperature_K,conductivity_S_per_cm,relative_error\n300,1,5\n330,3,5\n",
            "relative error must be positive and below 1, 0.05 for 5 %, got 5",
        ),
        ("sand", f"{HEADER}\n1,1e-6,1,1.3\n", "transference number must lie between 0 and 1"),
    ],
)
def test_a_wrong_table_is_refused_with_the_reason(
    tmp_path: Path, command: str, text: str, said: str
) -> None:
    with pytest.raises(NatrifaceError) as error:
        run(command, table(tmp_path, text))
    assert said in str(error.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    with pytest.raises(NatrifaceError, match="cannot be read as text"):
        run("asr", path)
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(NatrifaceError, match="cannot be read as text"):
        run("asr", path)
