"""Charts as Vega-Lite specs, plain dictionaries: one file draws one part of a result."""
