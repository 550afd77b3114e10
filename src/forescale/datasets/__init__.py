"""Run tables we made and ship, each with the recipe that made it."""
