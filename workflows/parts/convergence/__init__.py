"""How far an energy is converged in its numerical parameters."""
