"""The table of a report: one row per interface, units in the header."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from natriface.analysis.interface_records import InterfaceRecord, Quantity, SlabRecord, StepRow
from natriface.analysis.published import Published


def results_csv(records: Sequence[InterfaceRecord], published: Published | None) -> str:
    """One row per interface; empty where there is no value, with the reason beside it."""
    handle = io.StringIO()
    rows = [_csv_row(record, published) for record in records]
    writer = csv.DictWriter(handle, fieldnames=list(rows[0] if rows else _csv_header(published)))
    writer.writeheader()
    writer.writerows(rows)
    return handle.getvalue()


def _csv_header(published: Published | None) -> list[str]:
    empty = SlabRecord(name="")
    return list(
        _csv_row(InterfaceRecord(pair="", film=empty, substrate=empty, steps=[]), published)
    )


def _csv_row(record: InterfaceRecord, published: Published | None) -> dict[str, Any]:
    formation = record.interfacial_formation_energy or Quantity()
    adhesion = record.work_of_adhesion or Quantity()
    relaxation = record.steps[0] if record.steps else StepRow(role="", name="", status="")
    found = record.integrity
    row: dict[str, Any] = {
        "pair (film|substrate)": record.pair,
        "status": relaxation.status,
        "interfacial formation energy (J/m2)": formation.value_j_per_m2,
    }
    if published:
        printed = published.interfacial_formation_energy_j_per_m2.get(record.pair)
        row |= {
            f"{published.short_name} (J/m2)": printed,
            f"{published.short_name}, other reading (J/m2)": published.other_reading(record.pair),
        }
    row |= {
        "interfacial formation energy (eV/A2)": formation.value_ev_per_angstrom2,
        "of which by second starts of the slabs (J/m2)": record.second_start_change_j_per_m2,
        "reason not computed": formation.reason,
        "caveats": " ".join(record.caveats) or None,
        "formula": formation.formula,
        "rigid work of adhesion (J/m2)": adhesion.value_j_per_m2,
        "reason adhesion not computed": adhesion.reason,
        "formula of adhesion": adhesion.formula,
        "level of theory": record.level,
        "engine": record.engine.name if record.engine else None,
        "engine version": record.engine.version if record.engine else None,
        "model": record.engine.model if record.engine else None,
        "protocol": record.protocol,
        "area (A2)": record.area_angstrom2,
        "contacts N": record.n_contacts,
        "film strain 1 (%)": _percent(record.film.principal_strains, 0),
        "film strain 2 (%)": _percent(record.film.principal_strains, 1),
        "substrate strain 1 (%)": _percent(record.substrate.principal_strains, 0),
        "substrate strain 2 (%)": _percent(record.substrate.principal_strains, 1),
        "atoms": record.n_atoms,
        "ionic steps": relaxation.n_ionic_steps,
        "largest force left (eV/A)": relaxation.max_force_ev_per_angstrom,
        "tetrahedra": found.summary or found.reason if found else None,
        "bonds broken": found.n_broken if found else None,
        "bonds formed": found.n_formed if found else None,
        "substrate": record.substrate.surface,
        "film": record.film.surface,
        "doping": record.substrate.doping,
    }
    return row


def _percent(strains: Sequence[float], k: int) -> float | None:
    return 100 * strains[k] if len(strains) > k else None
