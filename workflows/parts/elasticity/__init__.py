"""How stiff crystals are."""
