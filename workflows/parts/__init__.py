"""The parts a study may have, each a folder here and a line below.

``request``
    ``StudyKeys``, the keys of a study that are the part's, and ``asked(study)``: what of the part a
    study asks for, or None.
``labels``
    ``LABELS``, models of what the part's steps stand for, one for each kind of role.
``steps``
    ``steps(request, make, root)``: what is computed.
``section``
    ``section(results, context)``: what the report says of it, or None.

A part in stages has two more:

``decisions``
    ``decide(plan, request, ended, made_before)``: what can be decided from the steps that have
    ended, and is not yet written down; ``steps`` finds it in `StepMaker.decided`.
    ``in_turn(plan)``: which steps belong together, in the order in which a budget is spent on them.
    ``discarded(plan, request, decided)``: steps that are of no further use by what is decided.
``funnel``
    ``foreseen(request, make, root)``: tables that say what the stages come to, before anything
    runs, and the steps of all stages as far as they can be expected; ``ranking(plan, ended, names,
    top)``: tables of how it stands, the last with all.
"""

PARTS: dict[str, str] = {
    "interfaces": "natriface.workflows.parts.interfaces",
    "surface_energies": "natriface.workflows.parts.surface_energies",
    "migration": "natriface.workflows.parts.migration",
    "adsorption": "natriface.workflows.parts.adsorption",
    "electronic_structure": "natriface.workflows.parts.electronic_structure",
    "dynamics": "natriface.workflows.parts.dynamics",
    "ligand_transfer": "natriface.workflows.parts.ligand_transfer",
    "reactivity": "natriface.workflows.parts.reactivity",
    "elasticity": "natriface.workflows.parts.elasticity",
    "convergence": "natriface.workflows.parts.convergence",
    "screen": "natriface.workflows.parts.screen",
}
"""Part -> its package, in the report's order."""

IN_STAGES = ("screen",)
"""Parts whose later steps depend on what earlier ones have come to."""
