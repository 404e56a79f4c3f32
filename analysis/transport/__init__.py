"""What ions carry: conductivities, resistances and limits of the current."""
