"""A pair potential that takes its time."""

from __future__ import annotations

import time
from typing import Any

from ase.calculators.emt import EMT


class SlowEMT(EMT):  # type: ignore[misc]
    """EMT at a call in two seconds."""

    def calculate(self, *arguments: Any, **options: Any) -> None:
        time.sleep(2)
        super().calculate(*arguments, **options)
