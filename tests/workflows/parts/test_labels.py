"""Labels: unknown, missing and wrong keys are told; what is written is what is read."""

from __future__ import annotations

from typing import Any

import pytest

from natriface.analysis.results.result import StepRecord
from natriface.structures.base.errors import AnalysisError
from natriface.workflows.parts.electronic_structure.labels import StretchedLabels, StretchMove
from natriface.workflows.parts.interfaces.labels import SlabOfInterfaceLabels
from natriface.workflows.parts.labels import labels_of, read_labels, step_labels


def record(**metadata: Any) -> StepRecord:
    return StepRecord(id="x", name="Na|NZSP slab", metadata=metadata)


STRETCHED = StretchedLabels(
    role="stretched bonding", label="NZSP", phase="NZSP", formula="Na", grade="DFT", source="here",
    doping=None, scale=1.0, against=None, orbitals={"P": "p"}, align_by={}, quantities=["bonding"],
    stretch=[StretchMove(centre=1, ligand=2, by_angstrom=-0.02)], bond="P-O",
)  # fmt: skip


def test_labels_come_back_as_they_were_written() -> None:
    assert labels_of(record(**STRETCHED.document())) == STRETCHED
    slab = SlabOfInterfaceLabels(role="rigid_film", pair="Na|NZSP")
    assert slab.document() == {"role": "rigid_film", "pair": "Na|NZSP"}
    assert labels_of(record(**slab.document())) == slab


def test_who_does_not_know_the_part_reads_section_role_and_owner() -> None:
    said = step_labels(record(**STRETCHED.document()))
    assert (said.section, said.role) == ("electronic_structure", "stretched bonding")
    assert said.belongs_to == "NZSP"
    said = step_labels(record(role="interface", pair="Na|NZSP", label="Na (100)-1 | NZSP"))
    assert (said.section, said.belongs_to) == ("interfaces", "Na|NZSP")
    said = step_labels(record())
    assert (said.section, said.role, said.belongs_to) == ("interfaces", None, None)


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"role": "film", "pairs": "Na|NZSP"}, "unknown key 'pairs'.*pair"),
        ({"role": "film"}, "key 'pair' is missing"),
        ({"role": "filn", "pair": "Na|NZSP"}, "no role 'filn'.*film"),
        ({"section": "migraton", "role": "band"}, "no part 'migraton'.*migration"),
        ({"role": ["film"]}, "role: Input should be a valid string"),
        ({"section": "adsorption"}, "adsorption has no role None"),
    ],
)
def test_wrong_labels_are_refused_in_one_sentence(metadata: dict[str, Any], words: str) -> None:
    with pytest.raises(AnalysisError, match=rf"^Na\|NZSP slab: .*{words}"):
        labels_of(record(**metadata))


def test_a_missing_value_of_an_inner_document_is_named_by_its_place() -> None:
    wrong = STRETCHED.document()
    del wrong["stretch"][0]["ligand"]
    with pytest.raises(AnalysisError, match=r"key 'stretch\.0\.ligand' is missing"):
        read_labels(StretchedLabels, wrong, "a step")
