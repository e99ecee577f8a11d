"""The daemon's life: poll on schedule, keep what changed, answer the command line."""
