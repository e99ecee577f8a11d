"""Template tags of the simulation."""
