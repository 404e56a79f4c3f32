"""The files VASP writes, in its formats and bit by bit: OUTCAR, vasprun.xml and others."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from ase import Atoms, units
from standin_inputs import Potential

KB_PER_EV_PER_ANGSTROM3 = 1602.176634
VERSION = "6.4.2"


@dataclass
class Run:
    """What the writers need to know of a run; `atoms` is the structure it starts from."""

    folder: Path
    atoms: Atoms
    incar: dict[str, str]
    potentials: list[Potential]
    counts: list[int]
    mesh: list[int]
    kpoints: np.ndarray
    n_electrons: float
    n_bands: int
    parameters: dict[str, Any]
    flags: np.ndarray
    started: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class IonicStep:
    """One ionic step; electronic energies in eV, forces eV/A, stress in eV/A^3 as in ASE."""

    atoms: Atoms
    energies_ev: list[float]
    forces: np.ndarray
    stress: np.ndarray
    electronic_converged: bool


class Outputs:
    """All files of one run, or of one image, kept open and flushed step by step."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.outcar = (run.folder / "OUTCAR").open("w")
        self.xml = (run.folder / "vasprun.xml").open("w")
        self.oszicar = (run.folder / "OSZICAR").open("w")
        self.xdatcar = (run.folder / "XDATCAR").open("w")
        self.n_steps = 0
        self._begin_outcar()
        self._begin_xml()
        self._begin_xdatcar()
        self.flush()

    def flush(self) -> None:
        for file in (self.outcar, self.xml, self.oszicar, self.xdatcar):
            file.flush()

    # ---- one ionic step -------------------------------------------------------------------

    def add(self, step: IonicStep, last: bool) -> None:
        """Write an ionic step; the last one with eigenvalues and densities of states."""
        self.n_steps += 1
        self._oszicar_step(step)
        self._outcar_step(step)
        self._xml_step(step, last)
        self.xdatcar.write(f"Direct configuration={self.n_steps:6d}\n")
        for position in step.atoms.get_scaled_positions():
            self.xdatcar.write("".join(f"{x:12.8f}" for x in position) + "\n")
        write_contcar(self.run, step.atoms, self.run.folder / "CONTCAR")
        self.flush()

    def unfinished(self, energies_ev: list[float]) -> None:
        """Write the electronic steps of an ionic step that is never finished."""
        self.xml.write(" <calculation>\n")
        for number, energy in enumerate(energies_ev, start=1):
            self._outcar_iteration(number, energy, energy)
            self._xml_scstep(energy)
        self.flush()

    def end(self, atoms: Atoms, message: str | None) -> None:
        """Write what VASP writes when it ends by itself."""
        if message:
            self.outcar.write(f"\n {message}\n")
        self.outcar.write("\n General timing and accounting informations for this job:\n")
        self.outcar.write(" " + "=" * 56 + "\n  \n")
        spent = time.monotonic() - self.run.started
        for label, value in (
            ("Total CPU time used (sec)", spent),
            ("User time (sec)", spent),
            ("System time (sec)", 0.0),
            ("Elapsed time (sec)", spent),
        ):
            self.outcar.write(f"{label:>42}: {value:12.3f}\n")
        self.outcar.write("  \n")
        self.outcar.write(f"{'Maximum memory used (kb)':>42}: {60000.0:11.0f}.\n")
        self.outcar.write(f"{'Average memory used (kb)':>42}: {0.0:11.0f}.\n")
        self.xml.write(xml_structure(atoms, 1, "finalpos", self.run.flags))
        self.xml.write("</modeling>\n")
        self._write_eigenvalues()
        for file in (self.outcar, self.xml, self.oszicar, self.xdatcar):
            file.close()

    # ---- OUTCAR ---------------------------------------------------------------------------

    def _begin_outcar(self) -> None:
        run, out = self.run, self.outcar
        out.write(f" vasp.{VERSION} 01Jan2023 (build stand-in for tests) complex\n \n")
        out.write(f" executed on             LinuxIFC date {time.strftime('%Y.%m.%d  %H:%M:%S')}\n")
        out.write(
            " running on    1 total cores\n distrk:  each k-point on    1 cores,    1 groups\n"
        )
        out.write(" distr:  one band on NCORE=   1 cores,    1 groups\n\n")
        out.write("-" * 104 + "\n\n\n INCAR:\n")
        for tag, value in run.incar.items():
            out.write(f"   {tag} = {value}\n")
        for potential in run.potentials:
            out.write(f" POTCAR:    {potential.title}\n")
        for potential in run.potentials:
            out.write(f" POTCAR:    {potential.title}\n")
            out.write(f"   VRHFIN ={potential.element}: stand-in\n   LEXCH  = PE\n\n")
            out.write(f"   TITEL  = {potential.title}\n")
            out.write(
                f"   POMASS =   10.000; ZVAL   ={potential.valence:9.3f}    mass and valenz\n"
            )
            out.write("   ENMAX  =  300.000; ENMIN  =  200.000 eV\n")
        n_kpoints, n_atoms = len(run.kpoints), len(run.atoms)
        out.write("\n Subroutine IBZKPT returns following result:\n")
        out.write(" ===========================================\n\n")
        out.write(f" Found {n_kpoints:6d} irreducible k-points:\n\n")
        out.write(
            " Following reciprocal coordinates:\n            Coordinates               Weight\n"
        )
        weight = math.prod(run.mesh)
        for *point, part in run.kpoints:
            out.write("".join(f"{x:10.6f}" for x in point) + f"{part * weight:15.6f}\n")
        p = run.parameters
        out.write("\n" + "-" * 104 + "\n\n\n\n\n Dimension of arrays:\n")
        out.write(f"   k-points           NKPTS ={n_kpoints:7d}   k-points in BZ     NKDIM =")
        out.write(f"{n_kpoints:7d}   number of bands    NBANDS={run.n_bands:7d}\n")
        out.write("   number of dos      NEDOS =    301   number of ions     ")
        out.write(f"NIONS ={n_atoms:7d}\n")
        out.write("   non local maximal  LDIM  =      4   non local SUM 2l+1 LMDIM =      8\n")
        out.write("   total plane-waves  NPLWV =   8000\n")
        out.write("   ions per type = " + "".join(f"{n:14d}" for n in run.counts) + "\n\n")
        out.write(" SYSTEM =  stand-in\n\n Startparameter for this run:\n")
        out.write(
            f"   PREC   = {p['PREC']:6s}   normal or accurate (medium, high low for compat.)\n"
        )
        out.write("   ISTART =      0    job   : 0-new  1-cont  2-samecut\n")
        out.write("   ICHARG =      2    charge: 1-file 2-atom 10-const\n")
        out.write(f"   ISPIN  = {p['ISPIN']:6d}    spin polarized calculation?\n")
        out.write("   LNONCOLLINEAR =      F non collinear calculations\n")
        out.write("   LSORBIT =      F    spin-orbit coupling\n\n Electronic Relaxation 1\n")
        encut = p["ENMAX"]
        out.write(f"   ENCUT  = {encut:6.1f} eV  {encut / 13.605693:5.2f} Ry    5.00 a.u.\n")
        out.write(f"   NELM   = {p['NELM']:6d};   NELMIN= {p['NELMIN']:3d}; NELMDL=  -5\n")
        out.write(f"   EDIFF  = {p['EDIFF']:.1E}   stopping-criterion for ELM\n")
        out.write(f"   LREAL  = {'T' if p['LREAL'] else 'F':>6s}    real-space projection\n")
        out.write(
            f"   LASPH  = {'T' if p['LASPH'] else 'F':>6s}    aspherical Exc in radial PAW\n\n"
        )
        out.write(
            f" Ionic relaxation\n   EDIFFG = {p['EDIFFG']:.1E}   stopping-criterion for IOM\n"
        )
        out.write(f"   NSW    = {p['NSW']:6d}    number of steps for IOM\n")
        out.write(f"   IBRION = {p['IBRION']:6d}    ionic relax: 0-MD 1-quasi-New 2-CG\n")
        out.write(f"   ISIF   = {p['ISIF']:6d}    stress and relaxation\n")
        out.write(f"   POTIM  = {p['POTIM']:.4f}    time-step for ionic-motion\n\n")
        out.write(" DOS related values:\n")
        out.write(f"   ISMEAR ={p['ISMEAR']:6d};   SIGMA  ={p['SIGMA']:8.2f}  broadening in eV\n\n")
        out.write(f"   NELECT = {run.n_electrons:12.4f}    total number of electrons\n\n")
        out.write(" k-points in reciprocal lattice and weights: stand-in\n")
        for *point, part in run.kpoints:
            out.write("".join(f"{x:12.8f}" for x in point) + f"{part:13.3f}\n")
        out.write("\n\n\n" + "-" * 104 + "\n\n\n")
        for number, (*point, _) in enumerate(run.kpoints, start=1):
            out.write(f" k-point {number:4d} : " + "".join(f"{x:8.4f}" for x in point))
            out.write("  plane waves:     500\n")
        out.write("\n maximum and minimum number of plane-waves per node :       500      500\n\n")
        out.write(" maximum number of plane-waves:       500\n\n")

    def _outcar_iteration(self, number: int, energy: float, previous: float) -> None:
        out = self.outcar
        bar = "-" * 39
        out.write(f"{bar} Iteration {self.n_steps:6d}({number:4d})  {bar}\n\n\n")
        out.write("    --------------------------------------------\n")
        out.write("      LOOP:  cpu time    0.0010: real time    0.0010\n\n")
        out.write(" eigenvalue-minimisations  :   100\n")
        out.write(f" total energy-change (2. order) :{energy - previous:14.7E}")
        out.write(f"  ({energy - previous:14.7E})\n")
        out.write(f" number of electron {self.run.n_electrons:15.7f} magnetization ")
        out.write(("      0.0000000" if self.run.parameters["ISPIN"] == 2 else "") + "\n")
        out.write(" augmentation part        1.0000000 magnetization \n\n")
        out.write(" Free energy of the ion-electron system (eV)\n  " + "-" * 51 + "\n")
        out.write(f"  free energy    TOTEN  = {energy:19.8f} eV\n\n")
        out.write(f"  energy without entropy = {energy:17.8f}")
        out.write(f"  energy(sigma->0) = {energy:17.8f}\n\n\n" + "-" * 104 + "\n\n\n\n\n")

    def _outcar_step(self, step: IonicStep) -> None:
        out, energies = self.outcar, step.energies_ev
        for number, energy in enumerate(energies, start=1):
            self._outcar_iteration(number, energy, energies[number - 2] if number > 1 else 0.0)
        why = (
            "EDIFF is reached"
            if step.electronic_converged
            else "EDIFF was not reached (unconverged)"
        )
        out.write("-" * 24 + f" aborting loop because {why} " + "-" * 40 + "\n\n\n")
        fermi = fermi_level(self.run)
        out.write(f" E-fermi :{fermi:9.4f}     XC(G=0):  -8.0000     alpha+bet : -6.0000\n\n")
        spins = self.run.parameters["ISPIN"]
        for spin in range(1, spins + 1):
            if spins == 2:
                out.write(f" spin component {spin}\n\n")
            for number, (*point, _) in enumerate(self.run.kpoints, start=1):
                out.write(f" k-point {number:5d} : " + "".join(f"{x:10.4f}" for x in point) + "\n")
                out.write("  band No.  band energies     occupation \n")
                for band, (level, filled) in enumerate(band_levels(self.run, number - 1), start=1):
                    out.write(f"{band:7d}  {level:10.4f}  {2 / spins * filled:11.5f}\n")
                out.write("\n")
        out.write("\n" + "-" * 104 + "\n\n\n")
        kb = -step.stress * KB_PER_EV_PER_ANGSTROM3
        xx, yy, zz, yz, xz, xy = kb
        out.write("  FORCE on cell =-STRESS in cart. coord.  units (eV):\n")
        out.write("  Direction    XX          YY          ZZ          XY          YZ          ZX\n")
        volume = step.atoms.get_volume()
        order = np.array([xx, yy, zz, xy, yz, xz])
        total = order * volume / KB_PER_EV_PER_ANGSTROM3
        out.write("  Total " + "".join(f"{x:12.5f}" for x in total) + "\n")
        out.write("  in kB " + "".join(f"{x:12.5f}" for x in order) + "\n")
        out.write(
            f"  external pressure = {kb[:3].mean():11.2f} kB  Pullay stress =        0.00 kB\n\n\n"
        )
        out.write(" VOLUME and BASIS-vectors are now :\n " + "-" * 77 + "\n")
        out.write(f"  energy-cutoff  :  {self.run.parameters['ENMAX']:11.2f}\n")
        out.write(f"  volume of cell :  {volume:11.2f}\n")
        out.write("      direct lattice vectors                 reciprocal lattice vectors\n")
        for row, inverse in zip(step.atoms.cell, step.atoms.cell.reciprocal(), strict=True):
            for vector in (row, inverse):
                out.write("   " + "".join(f"{x:13.9f}" for x in vector))
            out.write("\n")
        out.write("\n\n POSITION                                       TOTAL-FORCE (eV/Angst)\n ")
        out.write("-" * 83 + "\n")
        for position, force in zip(step.atoms.positions, step.forces, strict=True):
            out.write("".join(f"{x:13.5f}" for x in position) + "    ")
            out.write("".join(f"{x:14.6f}" for x in force) + "\n")
        out.write(" " + "-" * 83 + "\n    total drift:                            ")
        out.write("".join(f"{x:14.6f}" for x in step.forces.sum(axis=0)) + "\n\n\n")
        out.write("-" * 104 + "\n\n\n\n  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)\n  ")
        out.write("-" * 51 + f"\n  free  energy   TOTEN  = {energies[-1]:19.8f} eV\n\n")
        out.write(f"  energy  without entropy= {energies[-1]:17.8f}")
        out.write(f"  energy(sigma->0) = {energies[-1]:17.8f}\n\n")
        out.write("     LOOP+:  cpu time    0.0100: real time    0.0100\n")

    # ---- vasprun.xml ----------------------------------------------------------------------

    def _begin_xml(self) -> None:
        run, xml = self.run, self.xml
        xml.write('<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n <generator>\n')
        for name, value in (
            ("program", "vasp "),
            ("version", f"{VERSION}  "),
            ("subversion", "(build stand-in for tests) complex parallel "),
            ("platform", "LinuxIFC "),
            ("date", time.strftime("%Y %m %d ")),
            ("time", time.strftime("%H:%M:%S ")),
        ):
            xml.write(f'  <i name="{name}" type="string">{value}</i>\n')
        xml.write(" </generator>\n <incar>\n")
        for tag, value in run.incar.items():
            if tag in run.parameters:
                xml.write("  " + xml_parameter(tag, run.parameters[tag]))
            else:
                xml.write(f'  <i type="string" name="{tag}"> {value}</i>\n')
        xml.write(' </incar>\n <kpoints>\n  <generation param="Gamma">\n')
        divisions = "".join(f"{n:8d}" for n in run.mesh)
        xml.write(f'   <v type="int" name="divisions">{divisions} </v>\n')
        for name, vector in (
            ("usershift", (0, 0, 0)),
            ("genvec1", (1 / run.mesh[0], 0, 0)),
            ("genvec2", (0, 1 / run.mesh[1], 0)),
            ("genvec3", (0, 0, 1 / run.mesh[2])),
            ("shift", (0, 0, 0)),
        ):
            xml.write(f'   <v name="{name}">{xml_floats(vector)}</v>\n')
        xml.write("  </generation>\n")
        xml.write(xml_array("kpointlist", run.kpoints[:, :3], 2))
        xml.write(xml_array("weights", run.kpoints[:, 3:], 2))
        xml.write(" </kpoints>\n <parameters>\n")
        xml.write('  <separator name="electronic" >\n')
        for name, value in run.parameters.items():
            xml.write("   " + xml_parameter(name, value))
        xml.write("  </separator>\n </parameters>\n <atominfo>\n")
        xml.write(
            f"  <atoms> {len(run.atoms):7d} </atoms>\n  <types> {len(run.counts):7d} </types>\n"
        )
        xml.write('  <array name="atoms" >\n   <dimension dim="1">ion</dimension>\n')
        xml.write(
            '   <field type="string">element</field>\n   <field type="int">atomtype</field>\n'
        )
        xml.write("   <set>\n")
        for kind, (potential, count) in enumerate(
            zip(run.potentials, run.counts, strict=True), start=1
        ):
            for _ in range(count):
                xml.write(f"    <rc><c>{potential.element:2s}</c><c>{kind:4d}</c></rc>\n")
        xml.write('   </set>\n  </array>\n  <array name="atomtypes" >\n')
        xml.write('   <dimension dim="1">type</dimension>\n')
        for kind, name in (
            ('type="int"', "atomspertype"),
            ('type="string"', "element"),
            ("", "mass"),
            ("", "valence"),
            ('type="string"', "pseudopotential"),
        ):
            xml.write(f"   <field{' ' + kind if kind else ''}>{name}</field>\n")
        xml.write("   <set>\n")
        for potential, count in zip(run.potentials, run.counts, strict=True):
            xml.write(
                f"    <rc><c>{count:4d}</c><c>{potential.element:2s}</c><c>     10.00000000</c>"
            )
            xml.write(f"<c>{potential.valence:16.8f}</c><c>  {potential.title:38s}</c></rc>\n")
        xml.write("   </set>\n  </array>\n </atominfo>\n")
        xml.write(xml_structure(run.atoms, 1, "initialpos", run.flags))

    def _xml_scstep(self, energy: float) -> None:
        self.xml.write('  <scstep>\n   <time name="total">    0.00    0.00</time>\n   <energy>\n')
        for name in ("e_fr_energy", "e_wo_entrp", "e_0_energy"):
            self.xml.write(f'    <i name="{name}"> {energy:15.8f} </i>\n')
        self.xml.write("   </energy>\n  </scstep>\n")

    def _xml_step(self, step: IonicStep, last: bool) -> None:
        xml = self.xml
        xml.write(" <calculation>\n")
        for energy in step.energies_ev:
            self._xml_scstep(energy)
        xml.write(xml_structure(step.atoms, 2, None, None))
        xml.write(xml_array("forces", step.forces, 2))
        xx, yy, zz, yz, xz, xy = -step.stress * KB_PER_EV_PER_ANGSTROM3
        xml.write(xml_array("stress", np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]), 2))
        xml.write("  <energy>\n")
        for name in ("e_fr_energy", "e_wo_entrp", "e_0_energy"):
            xml.write(f'   <i name="{name}"> {step.energies_ev[-1]:15.8f} </i>\n')
        xml.write("  </energy>\n")
        xml.write('  <time name="totalsc">    0.00    0.00</time>\n')
        if last:
            self._xml_eigenvalues()
            self._xml_dos()
        xml.write(" </calculation>\n")

    def _xml_eigenvalues(self) -> None:
        xml, run = self.xml, self.run
        xml.write('  <eigenvalues>\n   <array>\n    <dimension dim="1">band</dimension>\n')
        xml.write('    <dimension dim="2">kpoint</dimension>\n')
        xml.write('    <dimension dim="3">spin</dimension>\n')
        xml.write("    <field>eigene</field>\n    <field>occ</field>\n    <set>\n")
        for spin in range(1, run.parameters["ISPIN"] + 1):
            xml.write(f'     <set comment="spin {spin}">\n')
            for number in range(len(run.kpoints)):
                xml.write(f'      <set comment="kpoint {number + 1}">\n')
                for level, filled in band_levels(run, number):
                    xml.write(f"       <r> {level:9.4f} {filled:9.4f} </r>\n")
                xml.write("      </set>\n")
            xml.write("     </set>\n")
        xml.write("    </set>\n   </array>\n  </eigenvalues>\n")

    def _xml_dos(self) -> None:
        xml, run = self.xml, self.run
        xml.write(f'  <dos>\n   <i name="efermi"> {fermi_level(run):15.8f} </i>\n   <total>\n')
        xml.write('    <array>\n     <dimension dim="1">gridpoints</dimension>\n')
        xml.write('     <dimension dim="2">spin</dimension>\n     <field>energy</field>\n')
        xml.write("     <field>total</field>\n     <field>integrated</field>\n     <set>\n")
        for spin in range(1, run.parameters["ISPIN"] + 1):
            xml.write(f'      <set comment="spin {spin}">\n')
            for energy, density, integral in densities(run):
                xml.write(f"       <r> {energy:9.4f} {density:10.4f} {integral:10.4f} </r>\n")
            xml.write("      </set>\n")
        xml.write("     </set>\n    </array>\n   </total>\n  </dos>\n")

    # ---- the small files ------------------------------------------------------------------

    def _oszicar_step(self, step: IonicStep) -> None:
        out = self.oszicar
        out.write("       N       E                     dE             d eps       ncg     rms")
        out.write("          rms(c)\n")
        previous = 0.0
        for number, energy in enumerate(step.energies_ev, start=1):
            change = energy - previous
            out.write(f"DAV:{number:4d}  {fortran(energy, 12, 20)} {fortran(change, 5, 14)}")
            out.write(f" {fortran(change, 5, 14)}   100 {fortran(abs(change) / 10, 3, 11)}\n")
            previous = energy
        energy = step.energies_ev[-1]
        kelvin = step.atoms.get_temperature()
        moving = f" T={kelvin:6.0f}. E= {fortran(energy, 8, 15)}" if kelvin else ""
        out.write(
            f"{self.n_steps:4d}{moving} F= {fortran(energy, 8, 15)} E0= {fortran(energy, 8, 15)}"
        )
        out.write(f"  d E ={fortran(0.0, 6, 14)}\n")

    def _begin_xdatcar(self) -> None:
        run = self.run
        self.xdatcar.write("stand-in\n           1\n")
        for vector in np.asarray(run.atoms.cell):
            self.xdatcar.write("".join(f"{x:13.6f}" for x in vector) + "\n")
        self.xdatcar.write("".join(f"{p.element:>5s}" for p in run.potentials) + "\n")
        self.xdatcar.write("".join(f"{n:5d}" for n in run.counts) + "\n")

    def _write_eigenvalues(self) -> None:
        run = self.run
        spins = run.parameters["ISPIN"]
        head = f"{len(run.atoms):5d}{len(run.atoms):5d}    1{spins:5d}\n  0.1E+02  0.1E-09  0.1E-09"
        head += "  0.1E-09  0.5E-15\n  1.0000000000000E-004\n  CAR\n stand-in\n"
        with (run.folder / "EIGENVAL").open("w") as out:
            out.write(head + f"{run.n_electrons:7.0f}{len(run.kpoints):7d}{run.n_bands:7d}\n")
            for number, (*point, weight) in enumerate(run.kpoints):
                out.write("\n" + "".join(f"{x:15.7E}" for x in (*point, weight)) + "\n")
                for band, (level, filled) in enumerate(band_levels(run, number), start=1):
                    values = f"{level:14.6f}" * spins + f"{filled:10.6f}" * spins
                    out.write(f"{band:5d} {values}\n")
        with (run.folder / "DOSCAR").open("w") as out:
            rows = densities(run)
            out.write(head + f"{rows[-1][0]:16.8f}{rows[0][0]:16.8f}{len(rows):5d}")
            out.write(f"{fermi_level(run):16.8f}{1.0:16.8f}\n")
            for energy, density, integral in rows:
                out.write(f"{energy:11.3f}" + f"{density:12.4E}" * spins)
                out.write(f"{integral:12.4E}" * spins + "\n")
        for name, wanted in (("WAVECAR", "LWAVE"), ("CHGCAR", "LCHARG"), ("ELFCAR", "LELF")):
            if run.parameters[wanted]:
                (run.folder / name).write_bytes(b"stand-in " * 64)


# ---- a spectrum: filled bands below zero, a gap of 3 eV, empty bands above --------------------


def band_levels(run: Run, kpoint: int) -> list[tuple[float, float]]:
    """(energy in eV, occupation from 0 to 1) of each band."""
    filled = run.n_electrons / 2
    wave = 0.2 * math.cos(2 * math.pi * float(run.kpoints[kpoint, :3].sum()))
    levels = []
    for band in range(run.n_bands):
        occupation = min(1.0, max(0.0, filled - band))
        if occupation > 0:
            level = -0.3 - 9.0 * (1 - (band + 1) / (filled + 1)) + wave * 0.5
        else:
            level = 3.2 + 0.3 * (band - filled) + wave
        levels.append((level, occupation))
    return levels


def fermi_level(run: Run) -> float:
    return 1.0 if run.n_bands > run.n_electrons / 2 else 0.1


def densities(run: Run, n_points: int = 301) -> list[tuple[float, float, float]]:
    """(energy, density of states, its integral) of the spectrum, smeared by 0.2 eV."""
    grid = np.linspace(-12, 12, n_points)
    density = np.zeros(n_points)
    for kpoint, weight in enumerate(run.kpoints[:, 3]):
        levels = np.array([level for level, _ in band_levels(run, kpoint)])
        shape = np.exp(-(((grid[:, None] - levels) / 0.2) ** 2) / 2) / (
            0.2 * math.sqrt(2 * math.pi)
        )
        density += (2 / run.parameters["ISPIN"]) * weight * shape.sum(axis=1)
    integral = np.cumsum(density) * (grid[1] - grid[0])
    return list(zip(grid.tolist(), density.tolist(), integral.tolist(), strict=True))


# ---- pieces of text ---------------------------------------------------------------------------


def write_contcar(run: Run, atoms: Atoms, path: Path) -> None:
    selective = not run.flags.all()
    with path.open("w") as out:
        out.write("stand-in\n   1.00000000000000\n")
        for vector in np.asarray(atoms.cell):
            out.write("".join(f" {x:21.16f}" for x in vector) + "\n")
        out.write("".join(f"   {p.element:2s}" for p in run.potentials) + "\n")
        out.write("".join(f"{n:6d}" for n in run.counts) + "\n")
        out.write("Selective dynamics\n" if selective else "")
        out.write("Direct\n")
        for position, flags in zip(atoms.get_scaled_positions(), run.flags, strict=True):
            out.write("".join(f"{x:20.16f}" for x in position))
            out.write("".join("   T" if f else "   F" for f in flags) + "\n" if selective else "\n")
        if run.parameters["IBRION"] == 0:
            out.write("\n")
            for velocity in atoms.get_velocities() * units.fs:
                out.write("".join(f"{x:16.8E}" for x in velocity) + "\n")


def xml_floats(values: Any) -> str:
    return "".join(f" {float(x):15.8f}" for x in values) + " "


def xml_array(name: str, rows: np.ndarray, depth: int) -> str:
    indent = " " * depth
    lines = [f'{indent}<varray name="{name}" >']
    lines += [f"{indent} <v>{xml_floats(row)}</v>" for row in rows]
    return "\n".join([*lines, f"{indent}</varray>"]) + "\n"


def xml_structure(atoms: Atoms, depth: int, name: str | None, flags: np.ndarray | None) -> str:
    indent = " " * depth
    text = f'{indent}<structure name="{name}" >\n' if name else f"{indent}<structure>\n"
    text += f"{indent} <crystal>\n" + xml_array("basis", np.asarray(atoms.cell), depth + 2)
    text += f'{indent}  <i name="volume"> {atoms.get_volume():15.8f} </i>\n'
    text += xml_array("rec_basis", np.asarray(atoms.cell.reciprocal()), depth + 2)
    text += f"{indent} </crystal>\n"
    text += xml_array("positions", atoms.get_scaled_positions(), depth + 1)
    if flags is not None and not flags.all():
        text += f'{indent} <varray name="selective"  type="logical" >\n'
        for row in flags:
            words = "".join(f"  {'T' if f else 'F'}" for f in row)
            text += f'{indent}  <v type="logical" >{words} </v>\n'
        text += f"{indent} </varray>\n"
    return text + f"{indent}</structure>\n"


def xml_parameter(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return f'<i type="logical" name="{name}"> {"T" if value else "F"}  </i>\n'
    if isinstance(value, int):
        return f'<i type="int" name="{name}">{value:6d}</i>\n'
    if isinstance(value, float):
        return f'<i name="{name}">{value:16.8f}</i>\n'
    return f'<i type="string" name="{name}">{value}</i>\n'


def fortran(value: float, digits: int, width: int) -> str:
    """0.12345E+03, with the leading zero Fortran puts before the point."""
    if value == 0:
        return f"{'0.' + '0' * digits + 'E+00':>{width}s}"
    exponent = math.floor(math.log10(abs(value))) + 1
    return f"{value / 10**exponent:.{digits}f}E{exponent:+03d}".rjust(width)


def log(file: TextIO, text: str) -> None:
    file.write(text)
    file.flush()
