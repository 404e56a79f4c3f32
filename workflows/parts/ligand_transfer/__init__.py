"""Single events of a contact: a ligand of the electrolyte moved into the film."""
