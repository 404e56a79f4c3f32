"""Contacts in motion: molecular dynamics of interfaces."""
