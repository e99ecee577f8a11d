"""How severe a printer's alerts, errors and status codes are: tables by the codes of standards."""
