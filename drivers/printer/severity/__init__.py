"""How grave what a device says is: tables, as data, from makers' and standards' own codes."""
