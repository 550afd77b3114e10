"""Which learning rates a network bears, and which the next size will."""
