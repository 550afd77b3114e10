"""Train the small runs: tasks, models, rules, one loop, and sweeps that write run tables.

Importing this room imports no torch; its pieces do when they are used.
"""
