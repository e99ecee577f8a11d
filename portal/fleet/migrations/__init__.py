"""The fleet's tables as they grew."""
