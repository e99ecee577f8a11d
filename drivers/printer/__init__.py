"""Printers: the model of RFC 3805, shared by every way to ask a printer.

::

    mib           the tables of the Printer MIB, as columns
     |- alerts    a row of the alert table -> fault      which class an alert code has: severity/
     |- subunits  inputs, outputs, covers  -> fault
     |- supplies  markers' supplies        -> supplies and faults
     |- counters  impressions, area, length
     `- identity  maker, model, serial number
    fault         one finding, before all are merged
    conditions    faults -> the conditions of `drivers.report`

``severity`` holds the tables of codes and their severities; ``snmp`` asks over SNMP; `text` decodes
what printers call themselves.

May be imported by `drivers.registry`.
"""
