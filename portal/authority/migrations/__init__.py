"""The authority's tables as they grew."""
