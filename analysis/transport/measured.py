"""A person's own measurements, in the columns that the relations of transport need."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import constants

from natriface.analysis.readers.text.csv_columns import read_csv_columns
from natriface.analysis.transport.arrhenius import ArrheniusFit, arrhenius
from natriface.analysis.transport.conductivity import (
    conductivity,
    contact_resistance,
    layer_resistance,
)
from natriface.analysis.transport.depletion import SandForm, limiting_current, sand_time
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import ReaderError

Columns = dict[str, FloatArray]
IMPEDANCE = ("thickness_cm", "resistance_ohm", "area_cm2")
SIGMA = "conductivity_S_per_cm"
SALT = ("diffusivity_cm2_per_s", "concentration_mol_per_L", "transference_number")


def arrhenius_of_file(path: Path) -> tuple[Columns, ArrheniusFit]:
    """The conductivities of a table, by temperature, and the line through them.

    Columns: ``temperature_K`` or ``temperature_C``; ``conductivity_S_per_cm``, or ``thickness_cm``,
    ``resistance_ohm`` and ``area_cm2``; ``relative_error`` where it is known.

    Raises
    ------
    ReaderError
        If a column is missing or doubly given.
    AnalysisError
        If a value is outside its domain.
    """
    known = ("temperature_K", "temperature_C", SIGMA, *IMPEDANCE, "relative_error")
    columns = read_csv_columns(path, known)
    one = _chosen(path, columns, [("temperature_K",), ("temperature_C",)])
    temperature = columns[one[0]]
    if one == ("temperature_C",):
        temperature = temperature + constants.zero_Celsius
    if _chosen(path, columns, [(SIGMA,), IMPEDANCE]) == (SIGMA,):
        sigma = columns[SIGMA]
    else:
        sigma = conductivity(*(columns[name] for name in IMPEDANCE))
    fit = arrhenius(temperature, sigma, columns.get("relative_error"))
    value, _ = fit.conductivity(temperature)
    return {"temperature_K": temperature, SIGMA: sigma, "fit_S_per_cm": value}, fit


def resistances_of_file(path: Path) -> Columns:
    """Area-specific resistances of a table's rows, added as ``area_specific_resistance_ohm_cm2``.

    Columns: ``resistance_ohm`` and ``area_cm2`` (with ``contacts`` where there are several in
    series), or ``thickness_cm`` and ``conductivity_S_per_cm``.

    Raises
    ------
    ReaderError
        If a column is missing or doubly given.
    AnalysisError
        If a value is outside its domain.
    """
    contact, layer = ("resistance_ohm", "area_cm2"), ("thickness_cm", SIGMA)
    columns = read_csv_columns(path, (*contact, "contacts", *layer))
    if _chosen(path, columns, [contact, layer]) == contact:
        found = contact_resistance(
            columns["resistance_ohm"], columns["area_cm2"], columns.get("contacts", 1)
        )
    elif "contacts" in columns:
        raise ReaderError(f"{path}: contacts belong to resistance_ohm and area_cm2")
    else:
        found = layer_resistance(*(columns[name] for name in layer))
    return {**columns, "area_specific_resistance_ohm_cm2": found}


def sand_of_file(path: Path, form: SandForm = "depletion") -> Columns:
    """Sand's times of a table's rows, added as ``sand_time_s``.

    Columns: ``current_mA_per_cm2``, ``diffusivity_cm2_per_s``, ``concentration_mol_per_L``,
    ``transference_number``; ``charge_number`` (1 without it); ``distance_cm`` of the electrodes,
    which adds ``limiting_current_mA_per_cm2``.

    Raises
    ------
    ReaderError
        If a column is missing.
    AnalysisError
        If a value is outside its domain.
    """
    needed = ("current_mA_per_cm2", *SALT)
    columns = read_csv_columns(path, (*needed, "charge_number", "distance_cm"))
    _chosen(path, columns, [needed])
    diffusivity, concentration, transference = (columns[name] for name in SALT)
    charge, distance = columns.get("charge_number", np.array(1.0)), columns.get("distance_cm")
    found = dict(columns)
    if distance is not None:
        found["limiting_current_mA_per_cm2"] = limiting_current(
            diffusivity, concentration, transference, distance, charge
        )
    current = columns["current_mA_per_cm2"]
    found["sand_time_s"] = sand_time(
        current, diffusivity, concentration, transference, charge, distance, form
    )
    return found


def _chosen(path: Path, columns: Columns, ways: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The one way of several in which a table gives a quantity."""
    found = [way for way in ways if all(name in columns for name in way)]
    words = ", or ".join(" and ".join(way) for way in ways)
    if not found:
        raise ReaderError(f"{path}: give the columns {words}; it has {', '.join(columns)}")
    if len(found) > 1:
        raise ReaderError(f"{path}: it gives more than one of {words}: leave one out")
    return found[0]
