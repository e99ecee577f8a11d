"""The ingest's tables as they grew."""
