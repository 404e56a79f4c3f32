"""What a run of molecular dynamics says of itself."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class MdRun(BaseModel):
    """Molecular dynamics at a temperature, and what its thermostat has made of it.

    Attributes
    ----------
    kelvin, timestep_fs, friction_per_fs, seed
        As asked for; the friction is that of Langevin's thermostat, and no seed the clock's.
    thermostat
        What it is called.
    n_steps_before, n_steps
        Of ramp and equilibration, and of the production after them.
    times_ps, kelvins, energies_ev
        Of the frames of the trajectory, from the start: time, kinetic temperature and potential
        energy.
    mean_kelvin, sd_kelvin
        Of the kinetic temperatures of the production's frames.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kelvin: float
    timestep_fs: float
    friction_per_fs: float | None = None
    thermostat: str = "Langevin"
    seed: int | None
    n_steps_before: int
    n_steps: int
    times_ps: list[float]
    kelvins: list[float]
    energies_ev: list[float]
    mean_kelvin: float
    sd_kelvin: float

    @property
    def production_starts_ps(self) -> float:
        """Time at which ramp and equilibration end."""
        return self.n_steps_before * self.timestep_fs / 1000

    @property
    def ends_ps(self) -> float:
        """Time of the last step."""
        return (self.n_steps_before + self.n_steps) * self.timestep_fs / 1000
