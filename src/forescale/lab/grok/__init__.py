"""Grokking on one's own machine: a one-layer transformer on a table, in seconds or minutes."""
