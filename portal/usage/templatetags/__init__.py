"""Template tags of the energy pages."""
