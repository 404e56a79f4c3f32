"""Studies, plans, engines and the command line."""
