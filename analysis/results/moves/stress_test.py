"""What a short run at constant energy says of a potential on one structure."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class StressTest(BaseModel):
    """A potential's molecular dynamics at constant energy (NVE), and the bounds it was held to.

    Attributes
    ----------
    kelvin, timestep_fs, n_steps
        Temperature about which the atoms move, and the integrator's steps.
    drift_ev_per_atom_ps
        Slope of the total energy an atom that moves, by least squares, eV/ps.
    shortest_ratio
        Shortest distance of two atoms over the sum of their covalent radii; ``None`` where none
        were bonded.
    max_force_ev_per_angstrom
        Largest force on an atom that moves.
    drift_bound_ev_per_atom_ps, shortest_ratio_bound, force_bound_ev_per_angstrom
        What each must not pass.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kelvin: float
    timestep_fs: float
    n_steps: int
    drift_ev_per_atom_ps: float
    shortest_ratio: float | None
    max_force_ev_per_angstrom: float
    drift_bound_ev_per_atom_ps: float
    shortest_ratio_bound: float
    force_bound_ev_per_angstrom: float
