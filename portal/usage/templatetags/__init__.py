"""Template tags of the usage app."""
