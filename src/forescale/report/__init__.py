"""Renders result objects; computes nothing."""
