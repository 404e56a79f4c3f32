"""First-principles studies of sodium solid-electrolyte interfaces, from crystals to figures.

Names are imported from three packages, each listed in its reference and by ``dir``:

- `natriface.structures`: crystals, slabs, interfaces, hops (``load_phase``, ``build_slab``,
  ``build_interface``).
- `natriface.analysis`: anyone's outputs read, energies, bonds, barriers, figures
  (``read_vasp_folder``, ``interfacial_formation_energy``, ``energy_profile``).
- `natriface.workflows`: studies planned and run (``load_study``, ``plan_study``, ``run_study``).

The command line is ``natriface``; ``natriface.__version__`` is the version installed.
"""

from typing import Any

__version__: str
_ROOMS = ("analysis", "structures", "workflows")


def __getattr__(name: str) -> Any:
    """The version and the packages, when first asked for (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        return version("natriface")
    if name in _ROOMS:
        from importlib import import_module

        return import_module(f"natriface.{name}")
    raise AttributeError(f"module 'natriface' has no attribute {name!r}", name=name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOMS, "__version__"})
