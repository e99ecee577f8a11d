"""What devices mean: the vocabulary of reports, the drivers, and the profiles that drive them.

``report`` is the vocabulary every part of Kanmon speaks. ``driver`` is the contract a driver
fulfils and the visible table of drivers. ``profile`` loads what a maker's register map says,
``profiled`` executes it: ``conversion`` and ``columns`` make its numbers, ``signs`` its states,
conditions and identity, ``installation`` its ratios and direction. ``replay`` holds a profile to a
capture. ``printer_mib`` reads printers, ``severity`` says how grave what they tell is. The bytes
themselves travel in ``protocols``.
"""
