"""Procedures that come with proc-tui. Belongs here: YAML files that any workspace may run by name."""
