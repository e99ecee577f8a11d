"""How severe a printer's alerts, errors and status codes are: tables by the codes of standards.

`alert_codes` gives an alert code its class and condition, `alert_severity` a class its severity;
`detected_errors` does the same for hrPrinterDetectedErrorState, `pjl` for PJL status codes.

May be imported by `drivers.printer`.
"""
