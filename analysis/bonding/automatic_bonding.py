"""lobsterpy's automatic analysis of a LOBSTER folder, in words."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

from natriface.analysis.readers.lobster.files import find_lobster_files
from natriface.analysis.readers.text.compression import Text
from natriface.structures.base.errors import AnalysisError

_PLAIN = {
    "ICOHPLIST": "ICOHPLIST.lobster",
    "COHPCAR": "COHPCAR.lobster",
    "CHARGE": "CHARGE.lobster",
}


def automatic_summary(path: Path, cutoff_icohp: float = 0.1, which_bonds: str = "") -> list[str]:
    """Sentences of lobsterpy's ``Description``: relevant bonds, environments, ICOHPs.

    Source: J. George et al., ChemPlusChem 2022, e202200123, 10.1002/cplu.202200123.

    Parameters
    ----------
    cutoff_icohp
        Bonds weaker than this part of the strongest are not relevant.
    which_bonds
        ``cation-anion`` or ``all``; by default the first, and the second where there are no
        cations.

    Raises
    ------
    AnalysisError
        If a file it needs is not there, or lobsterpy finds nothing to analyse.
    """
    files = find_lobster_files(path)
    missing = [plain for name, plain in _PLAIN.items() if name not in files.paths]
    if missing or not files.structures:
        missing += [] if files.structures else ["POSCAR"]
        raise AnalysisError(f"{path}: lobsterpy needs {', '.join(missing)}, too")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for key, plain in _PLAIN.items():
            _unpack(files.paths[key], folder / plain)
        _unpack(files.structures[0], folder / "POSCAR")
        wanted = [which_bonds] if which_bonds else ["cation-anion", "all"]
        problem = ""
        for which in wanted:
            try:
                return _describe(folder, which, cutoff_icohp)
            except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
                problem = f"{type(error).__name__}: {error}"
    raise AnalysisError(f"{path}: lobsterpy finds nothing to analyse ({problem})")


def _unpack(source: Path, target: Path) -> None:
    with Text(source) as text, target.open("wb") as file:
        for start in range(0, text.size, 1 << 22):
            file.write(text.read(start, start + (1 << 22)))


def _describe(folder: Path, which_bonds: str, cutoff_icohp: float) -> list[str]:
    from lobsterpy.cohp.analyze import Analysis
    from lobsterpy.cohp.describe import Description

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = Analysis(
            path_to_poscar=str(folder / "POSCAR"),
            path_to_icohplist=str(folder / "ICOHPLIST.lobster"),
            path_to_cohpcar=str(folder / "COHPCAR.lobster"),
            path_to_charge=str(folder / "CHARGE.lobster"),
            which_bonds=which_bonds,
            cutoff_icohp=cutoff_icohp,
        )
        return [str(line) for line in Description(found).text]
