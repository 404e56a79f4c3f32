"""The parts a study may have: for each a request, the steps that answer it, and a report section.

A part is a folder here: ``request`` (what a study may ask), ``steps`` (what is computed) and
``section`` (what the report says of it).
"""

PARTS: dict[str, str] = {
    "interfaces": "natriface.workflows.parts.interfaces",
    "migration": "natriface.workflows.parts.migration",
    "adsorption": "natriface.workflows.parts.adsorption",
    "electronic_structure": "natriface.workflows.parts.electronic_structure",
}
"""Part -> its package, in the report's order."""
