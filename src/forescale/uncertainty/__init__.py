"""How sure: one method per file."""
