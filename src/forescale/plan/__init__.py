"""How to spend a budget."""
