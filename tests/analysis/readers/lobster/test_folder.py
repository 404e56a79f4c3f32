"""LOBSTER's files: as pymatgen reads them where it is right, refused where they are damaged."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymatgen.electronic_structure.core import Spin
from pymatgen.io.lobster import Charge, Cohpcar, Doscar, Icohplist, Lobsterout

from natriface.analysis.readers.lobster.charges import read_charges
from natriface.analysis.readers.lobster.curves import read_curves, read_header
from natriface.analysis.readers.lobster.dos import read_lobster_dos
from natriface.analysis.readers.lobster.folder import read_lobster_folder
from natriface.analysis.readers.lobster.header import whole_bonds
from natriface.analysis.readers.lobster.lists import read_list
from natriface.analysis.readers.lobster.log import read_log
from natriface.analysis.readers.text.compression import Text
from natriface.structures.base.errors import ReaderError
from tests.sources import real_names, samples
from tests.written.lobster_tree import files

SPINS = (Spin.up, Spin.down)
LARGE = 2 << 20


def named(*parts: str, wanted: Callable[[str], bool] = lambda name: True) -> pytest.MarkDecorator:
    """Parametrise over the files of LOBSTER whose names begin so."""

    def chosen(names: Iterable[str]) -> list[str]:
        return [n for n in names if Path(n).name.startswith(parts) and wanted(n)]

    return samples(chosen(files()), chosen(real_names("lobster/**/*")), slow_from_bytes=LARGE)


@pytest.fixture(scope="session")
def lobster(data: Path) -> Path:
    return data / "lobster"


@named("COHPCAR", "COOPCAR", "COBICAR")
def test_curves_are_those_of_pymatgen(sample: Path) -> None:
    mine = read_curves(sample, None if sample.stat().st_size < LARGE else whole_bonds)
    multi = not mine.header.has_average
    theirs = Cohpcar(
        filename=str(sample),
        are_coops="COOP" in sample.name,
        are_cobis="COBI" in sample.name and not multi,
        are_multi_center_cobis=multi,
        is_lcfo="LCFO" in sample.name,
    )
    equal = np.testing.assert_array_equal
    assert mine.header.n_spins == 1 + theirs.is_spin_polarized
    assert mine.header.fermi_level_ev == theirs.efermi
    equal(mine.energies_ev, theirs.energies)
    if mine.average is not None and mine.average_integral is not None:
        for s in range(mine.header.n_spins):
            equal(mine.average[s], theirs.cohp_data["average"]["COHP"][SPINS[s]])
            equal(mine.average_integral[s], theirs.cohp_data["average"]["ICOHP"][SPINS[s]])
    orbitals = {k: iter(v.values()) for k, v in (theirs.orb_res_cohp or {}).items()}
    merged = multi or "LCFO" in sample.name  # of several orbitals it keeps the last
    for k, interaction in enumerate(mine.interactions):
        if interaction.orbitals:
            if merged:
                continue
            entry = next(orbitals[interaction.label])
        else:
            entry = theirs.cohp_data[interaction.label]
        assert entry["length"] == interaction.length_angstrom
        for s in range(mine.header.n_spins):
            equal(mine.values[s, k], entry["COHP"][SPINS[s]])
            equal(mine.integrals[s, k], entry["ICOHP"][SPINS[s]])


def pymatgen_reads(name: str) -> bool:
    return "LCFO" not in name or "AlN" in Path(name).name


@named("ICOHPLIST", "ICOOPLIST", "ICOBILIST", wanted=pymatgen_reads)
def test_lists_are_those_of_pymatgen(sample: Path) -> None:
    mine = read_list(sample)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = Icohplist(
            filename=str(sample),
            are_coops="COOP" in sample.name,
            are_cobis="COBI" in sample.name,
            is_lcfo="LCFO" in sample.name,
        ).icohplist
    assert [entry.label for entry in mine.entries] == list(theirs)
    for entry in mine.entries:
        other = theirs[entry.label]
        assert entry.length_angstrom == other["length"]
        assert entry.count == other["number_of_bonds"]
        if entry.translation is not None:
            assert entry.translation == tuple(other["translation"])
        assert entry.values == tuple(other["icohp"][spin] for spin in SPINS[: mine.n_spins])
        if mine.of_fragments:  # pymatgen takes 3p_x, 3p_y and 3p_z for one there
            continue
        assert len(entry.orbitals) == len(other["orbitals"] or {})
        for pair, value in zip(
            entry.orbitals.values(), (other["orbitals"] or {}).values(), strict=True
        ):
            assert pair == tuple(value["icohp"][spin] for spin in SPINS[: mine.n_spins])


@named("lobsterout", wanted=lambda name: name.startswith("lobster/"))
def test_logs_are_those_of_pymatgen(sample: Path) -> None:
    mine, theirs = read_log(sample), Lobsterout(filename=str(sample))
    assert mine.finished
    assert mine.version == (theirs.lobster_version.lstrip("v") or None)
    assert mine.spilling is not None
    np.testing.assert_allclose(
        mine.spilling.charge_percent, np.multiply(theirs.charge_spilling, 100)
    )
    if mine.spilling.total_percent:
        np.testing.assert_allclose(
            mine.spilling.total_percent, np.multiply(theirs.total_spilling, 100)
        )
    assert " ".join(mine.warnings) == " ".join(theirs.warning_lines)


@named("CHARGE", wanted=lambda name: "LCFO" not in name)
def test_charges_are_those_of_pymatgen(sample: Path) -> None:
    mine, theirs = read_charges(sample), Charge(str(sample))
    assert mine.charges.mulliken_e == tuple(theirs.mulliken)
    assert mine.charges.loewdin_e == tuple(theirs.loewdin)
    assert [f"{s}{k}" for k, s in enumerate(mine.symbols, 1)] == theirs.atomlist


@pytest.mark.parametrize("name", ["nomad_Si/DOSCAR.LSO.lobster.gz", "nomad_Fe/DOSCAR.lobster",
                                  "custodian_vasp_lobster_v51/DOSCAR.lobster"])  # fmt: skip
def test_densities_are_those_of_pymatgen(lobster: Path, name: str) -> None:
    path = lobster / name
    crystal = next(path.parent.glob("CONTCAR*"))
    mine, theirs = read_lobster_dos(path), Doscar(doscar=str(path), structure_file=str(crystal))
    np.testing.assert_allclose(mine.energies_ev - mine.fermi_level_ev, theirs.energies, atol=1e-9)
    for s in range(mine.n_spins):
        np.testing.assert_array_equal(mine.total[s], theirs.tdensities[SPINS[s]])
        for channel, density in zip(mine.channels, mine.densities, strict=True):
            np.testing.assert_array_equal(
                density[s], theirs.pdos[channel.atom][channel.name][SPINS[s]]
            )


FOLDERS = (
    ("lobsterpy_C", "C", "C", 1.6, -9.59125),
    ("lobsterpy_NaCl", "Na", "Cl", 3.0, -0.56541),
    ("lobsterpy_NaCl_comp_range", "Na", "Cl", 3.0, -0.56541),
    ("nomad_Si", "Si", "Si", 2.5, -4.4951),
    ("nomad_NaCl", "Na", "Cl", 3.0, -0.698),
    ("custodian_vasp_lobster_v51", "Na", "Cl", 3.0, -0.56501),
)


@pytest.mark.parametrize(("name", "first", "second", "longest", "icohp_ev"), FOLDERS)
def test_folders_give_the_bonds_one_expects(
    lobster: Path, name: str, first: str, second: str, longest: float, icohp_ev: float
) -> None:
    found = read_lobster_folder(lobster / name)
    bonds = found.select(first, second, shorter_than_angstrom=longest)
    assert bonds
    for bond in bonds:
        # like bonds of nomad_NaCl differ in its own ICOHPLIST: -0.578 and -0.818 eV
        assert bond.icohp_ev == pytest.approx(icohp_ev, abs=0.13 if name == "nomad_NaCl" else 0.01)
        assert bond.icohp_ev == pytest.approx(sum(bond.icohp_by_spin_ev), abs=1e-9)
        if bond.orbitals:
            assert sum(bond.orbitals.values()) == pytest.approx(bond.icohp_ev, abs=2e-4)
    assert found.curves is not None
    assert found.structure is not None
    assert set(found.curves.labels) == {bond.label for bond in found.bonds}
    # six (rocksalt) or four (diamond) neighbours each, by lattice translations
    wanted = 6 if "Cl" in second else 4
    for centre in range(len(found.structure)):
        seen = found.of_centre(centre, shorter_than_angstrom=longest)
        near = [bond for bond in seen if bond.symbols != ("Na", "Na")]
        assert len(near) == wanted


@pytest.mark.parametrize("name", ["nomad_Fe", "nomad_NaCl", "nomad_Si", "lobsterpy_K3Sb"])
def test_bond_vectors_have_the_bonds_lengths(lobster: Path, name: str) -> None:
    """LOBSTER 3 and 4.0 print the cell of the first atom, 4.1 that of the second."""
    found = read_lobster_folder(lobster / name, curves=False)
    atoms = found.structure
    assert atoms is not None
    for bond in found.bonds:
        i, j = bond.atoms
        vector = atoms.positions[j] - atoms.positions[i] + bond.translation @ atoms.cell.array
        assert np.linalg.norm(vector) == pytest.approx(bond.length_angstrom, abs=1e-4)


def test_each_neighbour_counts_once(lobster: Path) -> None:
    """LOBSTER lists an atom's bonds to its own images each way: bcc has 8 + 6 neighbours."""
    found = read_lobster_folder(lobster / "nomad_Fe", curves=False)
    for centre in (0, 1):
        assert len(found.of_centre(centre, shorter_than_angstrom=2.6)) == 8
        assert len(found.of_centre(centre, shorter_than_angstrom=3.0)) == 14


def test_only_chosen_curves_are_kept(lobster: Path) -> None:
    found = read_lobster_folder(
        lobster / "nomad_Si", curves=lambda b: b.length_angstrom < 2.5, overlap_curves=True
    )
    assert found.curves is not None
    assert len(found.curves.labels) == 4
    assert found.curves.coop_per_ev is not None
    whole = read_lobster_folder(lobster / "nomad_Si").curves
    assert whole is not None
    np.testing.assert_array_equal(
        found.curves.cohp_per_ev, whole.select(found.curves.labels).cohp_per_ev
    )


def test_high_spilling_is_flagged_and_another_runs_log_is_not_used(lobster: Path) -> None:
    iron = read_lobster_folder(lobster / "nomad_Fe", curves=False)
    assert any("8.50 % of the charge" in warning for warning in iron.warnings)
    carbon = read_lobster_folder(lobster / "lobsterpy_C", curves=False)
    assert carbon.spilling is None
    assert any("its spilling does not count" in warning for warning in carbon.warnings)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("crash", "has not finished"),
        ("notfinishedlobsterout", "has not finished"),
        ("../lobsterins", r"no ICOHPLIST\.lobster here"),
    ],
)
def test_broken_runs_are_refused(data: Path, name: str, reason: str) -> None:
    with pytest.raises(ReaderError, match=reason):
        read_lobster_folder(data / "broken/custodian_lobsterouts/lobsterouts" / name)


@pytest.fixture
def iron(lobster: Path, tmp_path: Path) -> Path:
    """A copy of iron's folder, without the files of VASP."""
    folder = tmp_path / "run"
    others = shutil.ignore_patterns("OUTCAR*", "*.json", "vasprun*")
    shutil.copytree(lobster / "nomad_Fe", folder, ignore=others)
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o644)
    return folder


def test_too_few_bands_are_named_as_the_reason(data: Path, tmp_path: Path) -> None:
    source = data / "broken/custodian_lobsterouts/lobsterouts/lobsterout.nocohp"
    shutil.copy(source, tmp_path / "lobsterout")
    with pytest.raises(ReaderError, match=r"too few bands.*80 bands"):
        read_lobster_folder(tmp_path)


MIXTURES = (
    ("CONTCAR", "nomad_NaCl/CONTCAR", "not the crystal of ICOHPLIST"),
    ("CHARGE.lobster", "nomad_NaCl/CHARGE.lobster", "of other atoms"),
    ("COHPCAR.lobster", "nomad_NaCl/COHPCAR.lobster", "1 spin"),
    ("ICOOPLIST.lobster", "nomad_Si/ICOOPLIST.lobster.gz", "not those of ICOHPLIST"),
    ("ICOOPLIST.lobster", "nomad_NaCl/ICOOPLIST.lobster", "1 spin"),
    ("ICOHPLIST.lobster", "nomad_Fe/ICOOPLIST.lobster", "holds COOPs, not COHPs"),
    ("COHPCAR.lobster", "nomad_Si/COHPCAR.lobster.gz", "bonds, where ICOHPLIST has"),
    ("COHPCAR.lobster", "lobsterpy_NaCl/COOPCAR.lobster.gz", "holds COOPs"),
    ("vasprun.xml", "nomad_NaCl/vasprun.xml", "of other atoms"),
)


@pytest.mark.parametrize(("target", "source", "reason"), MIXTURES)
def test_files_of_two_runs_are_refused(
    lobster: Path, iron: Path, target: str, source: str, reason: str
) -> None:
    read_lobster_folder(iron)
    shutil.copy(lobster / source, iron / target)
    with pytest.raises(ReaderError, match=reason):
        read_lobster_folder(iron)


def test_a_crystal_of_other_lengths_is_refused(iron: Path) -> None:
    lines = (iron / "CONTCAR").read_text().splitlines()
    lines[1] = "1.01"
    (iron / "CONTCAR").write_text("\n".join(lines))
    with pytest.raises(ReaderError, match="another crystal"):
        read_lobster_folder(iron)


def test_several_runs_are_told_apart(lobster: Path) -> None:
    place = lobster / "pmg_KF_BiSe_old"
    with pytest.raises(ReaderError, match="several runs"):
        read_lobster_folder(place)
    found = read_lobster_folder(place / "ICOHPLIST.lobster.BiSe", n_spins=1)
    assert {bond.symbols for bond in found.bonds} == {("Bi", "Se"), ("Bi", "Bi")}
    assert found.bonds[0].translation is None
    assert found.bonds[0].count == 3


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_files_are_read_alike(lobster: Path, tmp_path: Path, pack: object) -> None:
    source = lobster / "nomad_Fe/COHPCAR.lobster"
    (tmp_path / "COHPCAR.lobster.packed").write_bytes(pack(source.read_bytes()))  # type: ignore[operator]
    plain, packed = read_curves(source), read_curves(tmp_path / "COHPCAR.lobster.packed")
    np.testing.assert_array_equal(plain.values, packed.values)


def test_a_header_is_read_without_its_numbers(lobster: Path, tmp_path: Path) -> None:
    content = (lobster / "nomad_Fe/COHPCAR.lobster").read_bytes()
    (tmp_path / "COHPCAR.lobster").write_bytes(content[:2000])
    assert len(read_header(tmp_path / "COHPCAR.lobster").interactions) == 20


LIST_TITLE = (
    "  COHP#  atomMU  atomNU     distance     translation      ICOHP (at) eF   for spin  1\n"
)


def test_a_list_made_by_others_may_have_more_decimals(tmp_path: Path) -> None:
    path = tmp_path / "ICOHPLIST.lobster"
    rows = [f"{k} Na1 F{k + 1} 2.31000 0 0 {k} -0.{k}2345678\n" for k in (1, 2)]
    path.write_text(LIST_TITLE + "".join(rows))
    assert [entry.values for entry in read_list(path).entries] == [(-0.12345678,), (-0.22345678,)]
    path.write_text(LIST_TITLE + rows[0] + rows[1][:-3] + "\n")
    with pytest.raises(ReaderError, match="damaged or cut off"):
        read_list(path)


@cache
def content(path: Path) -> bytes:
    with Text(path) as text:
        return text.read(0, text.size)


READERS = {
    "nomad_Fe/COHPCAR.lobster": read_curves,
    "custodian_vasp_lobster_v51/COHPCAR.lobster": read_curves,
    "nomad_Fe/ICOHPLIST.lobster": read_list,
    "nomad_AlN_51/ICOHPLIST.lobster.gz": read_list,
    "nomad_Fe/CHARGE.lobster": read_charges,
    "nomad_Fe/DOSCAR.lobster": read_lobster_dos,
}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(READERS)), st.floats(0, 1))
def test_what_is_cut_off_is_refused(lobster: Path, name: str, place: float) -> None:
    """A list may end after a whole bond, or after the first spin: there its COHPCAR tells."""
    whole = content(lobster / name)
    stop = int(place * (len(whole.rstrip()) - 1))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(whole[:stop])
        if READERS[name] is read_list:
            try:
                found = read_list(path)
            except ReaderError:
                return
            for one, two in zip(found.entries, read_list(lobster / name).entries, strict=False):
                assert one.values == two.values[: found.n_spins]
            return
        with pytest.raises(ReaderError):
            READERS[name](path)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(sorted(READERS)),
    st.floats(0, 1),
    st.sampled_from((1, 2, 7, 40, 300)),
    st.sampled_from(("delete", "repeat", "noise")),
    st.sampled_from((b"\0", b"*", b"\xff", b"x", b"\n", b".")),
)
def test_damage_gives_no_wrong_number(
    lobster: Path, name: str, place: float, length: int, kind: str, noise: bytes
) -> None:
    """Damage in what is not read may pass; what is read is right, or the file is refused.

    No digit or sign becomes another one or a blank, of which nobody could tell.
    """
    whole = content(lobster / name)
    at = int(place * (len(whole) - 1))
    piece = whole[at : at + length]
    middle = {"delete": b"", "repeat": piece * 2, "noise": noise * len(piece)}[kind]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(whole[:at] + middle + whole[at + length :])
        try:
            found = READERS[name](path)
        except ReaderError:
            return
    if READERS[name] is read_curves:
        right = read_curves(lobster / name)
        for one, two in ((found.values, right.values), (found.integrals, right.integrals)):
            assert one.shape == two.shape
            np.testing.assert_array_equal(one, two)
