"""A pair potential that takes its time."""

from __future__ import annotations

import time
from typing import Any

from ase.calculators.emt import EMT


class SlowEMT(EMT):  # type: ignore[misc]
    """EMT at a call in two seconds."""

    seconds = 2.0

    def calculate(self, *arguments: Any, **options: Any) -> None:
        time.sleep(self.seconds)
        super().calculate(*arguments, **options)


class SlowerEMT(SlowEMT):
    """EMT at a call in ten seconds, beside which a busy machine counts for little."""

    seconds = 10.0
