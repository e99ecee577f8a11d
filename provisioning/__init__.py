"""Who this box is."""
