"""What was used, by hour, day and month: from counters to figures, pages and CSV.

A page is `query` (what its address asks for), `scope` (of which device or site), `result` (the
sums) and `page` (what the template shows). `counting` allots a counter's growth to buckets and
handles resets and exchanges; `consumption` adds up devices; `periods` knows days and months of a
zone, `measures` what is counted, `bars` the chart, `printing` the print report, `csv_file` the
file. `readings` is the only module that queries samples.

May be imported by `portal.monitoring`.
"""
