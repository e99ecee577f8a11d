"""What was used, by hour, day and month: from counters to figures, pages and CSV.

`counting`, `periods`, `measures` and `bars` are pure; `readings` alone asks for samples.
"""
