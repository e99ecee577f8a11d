"""What the operator wants: the settings, where they are kept, and what is wrong with them."""
