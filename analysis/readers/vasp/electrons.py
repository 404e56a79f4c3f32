"""What a run says of its electrons: Fermi level, moment, band edges; nothing contradicted."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from natriface.analysis.readers.outcar.document import Outcar
from natriface.analysis.readers.vasp.agreement import (
    FIXED_OCCUPATIONS,
    SAME_MOMENT,
    count_contradiction,
    fermi_contradiction,
)
from natriface.analysis.readers.vasp.large_arrays import Source
from natriface.analysis.readers.vasp.oszicar import Oszicar
from natriface.analysis.readers.vasprun.band_edges import band_edges, count_electrons
from natriface.analysis.readers.vasprun.document import Vasprun
from natriface.analysis.readers.vasprun.vaspout import Vaspout
from natriface.analysis.results.result import ElectronicStructure
from natriface.structures.base.arrays import FloatArray

_SAME_FERMI_EV = 0.05  # printed after the electronic steps and with the density of states
_SAME_MOMENT = 0.2  # Bohr magnetons; the density's moment and that of the occupations


def electronic_structure(
    name: str, source: Source, outcar: Outcar | None, oszicar: Oszicar | None
) -> tuple[ElectronicStructure, list[str]]:
    """The electronic structure of a run, and what contradicts what in it.

    Parameters
    ----------
    name, source
        The output that is read.
    outcar, oszicar
        Those of the same run, where they are there and whole.
    """
    reading = _Reading(name, source, outcar, oszicar)
    return reading.record(), reading.notes


@dataclass
class _Reading:
    name: str
    source: Source
    outcar: Outcar | None
    oszicar: Oszicar | None
    notes: list[str] = field(default_factory=list)

    def record(self) -> ElectronicStructure:
        source, header = self.source, self.source.header
        electrons = header.setting("NELECT")
        levels, filling, weights = source.eigenvalues, source.occupations, header.kpoint_weights
        record = ElectronicStructure(
            fermi_level_ev=self._fermi_level(levels, filling),
            n_electrons=electrons,
            n_bands=header.setting("NBANDS") if levels is None else levels.shape[2],
            n_kpoints=None if header.kpoints is None else len(header.kpoints),
            n_spins=1 if source.is_noncollinear else header.setting("ISPIN", 1),
            magnetization_bohr_magneton=self._moment(),
        )
        if levels is not None:
            self._compare_bands(levels.shape[2])
        if levels is None or filling is None or weights is None:
            return record
        if levels.shape != filling.shape or levels.shape[1] != len(weights):
            return record
        counted = count_electrons(filling, weights, source.is_noncollinear)
        if electrons is not None and not abs(counted.sum() - electrons) < 0.05:
            if np.isfinite(counted).all():
                self.notes.append(
                    f"the occupations hold {counted.sum():.3f} electrons instead of {electrons:g}: "
                    "no band edges are given"
                )
            return record
        if len(counted) == 2:
            self._compare_moments(record, float(counted[0] - counted[1]))
        edges = band_edges(levels, filling, weights)
        if edges is not None:
            record.valence_band_maximum_ev = edges.valence_band_maximum_ev
            record.conduction_band_minimum_ev = edges.conduction_band_minimum_ev
            record.band_gap_ev = edges.gap_ev
            record.band_gap_direct = edges.is_direct
        return record

    def _fermi_level(self, levels: FloatArray | None, filling: FloatArray | None) -> float | None:
        """The Fermi level that nothing contradicts, else none."""
        header = self.source.header
        sources: dict[str, Source] = {self.name: self.source}
        if self.outcar is not None:
            sources["OUTCAR"] = self.outcar
        printed = {
            name: level
            for name, source in sources.items()
            if (level := source.fermi_level_ev) is not None
        }
        sound: dict[str, float] = {}
        fixed = header.setting("NUPDOWN", -1) not in (None, -1)  # a level for each spin
        for name, level in printed.items():
            why = None if fixed else self._fermi_contradiction(level, levels, filling)
            if why is None:
                sound[name] = level
            else:
                self.notes.append(f"the Fermi level of {name}, {level:.4f} eV, is wrong: {why}")
        apart = max(printed.values(), default=0.0) - min(printed.values(), default=0.0)
        if apart > _SAME_FERMI_EV:
            said = " and ".join(f"{name} ({level:.4f} eV)" for name, level in printed.items())
            self.notes.append(f"{said} disagree on the Fermi level")
            if len(sound) > 1:
                return None
        return next(iter(sound.values()), None)

    def _fermi_contradiction(
        self, level: float, levels: FloatArray | None, filling: FloatArray | None
    ) -> str | None:
        header = self.source.header
        if header.setting("IBRION") == 0:  # molecular dynamics averages its density of states
            return None
        ismear, electrons = header.setting("ISMEAR"), header.setting("NELECT")
        if ismear in FIXED_OCCUPATIONS:
            return None
        reasons = [fermi_contradiction(level, levels, filling, ismear)]
        total = self.source.total_dos if isinstance(self.source, Vasprun | Vaspout) else None
        if total is not None and electrons is not None:
            parts = total.integrated
            counted = parts[0] if len(parts) == 4 else parts.sum(axis=0)
            reasons.append(count_contradiction(level, total.energies_ev, counted, electrons))
        return "; ".join(reason for reason in reasons if reason) or None

    def _moment(self) -> float | None:
        """The total moment that OUTCAR and OSZICAR print, where they agree."""
        printed = None if self.outcar is None else self.outcar.magnetization
        oszicar = self.oszicar
        if printed is None or oszicar is None or len(oszicar.steps) != len(self.source.steps):
            return printed
        other = oszicar.steps[-1].magnetization if oszicar.steps else None
        if other is not None and abs(other - printed) > SAME_MOMENT * (1 + abs(printed)):
            self.notes.append(
                f"OUTCAR and OSZICAR disagree on the total moment: {printed:g} and {other:g}"
            )
            return None
        return printed

    def _compare_moments(self, record: ElectronicStructure, counted: float) -> None:
        printed = record.magnetization_bohr_magneton
        if printed is None:
            record.magnetization_bohr_magneton = counted
        elif abs(printed - counted) > _SAME_MOMENT + 0.02 * abs(counted):
            self.notes.append(
                f"the total moment printed, {printed:g}, is not that of the occupations, "
                f"{counted:.4f}"
            )
            record.magnetization_bohr_magneton = None

    def _compare_bands(self, listed: int) -> None:
        """VASP 4 prints the NBANDS of the INCAR, which it may round up."""
        header = self.source.header
        stated = header.setting("NBANDS")
        if stated in (None, listed) or (header.version or "").startswith("4"):
            return
        self.notes.append(
            f"NBANDS = {stated}, but {listed} bands are listed at each k-point; these count"
        )
