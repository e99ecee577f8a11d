"""`kanmon`: the gateway's command line, one file per command group."""
