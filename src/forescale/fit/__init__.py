"""Law + runs -> Fit."""
