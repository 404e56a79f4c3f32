"""Data read by all: studies, protocols, queue scripts and the report's pages."""
