"""How bytes travel: lines, Modbus, the read planner. Knows nothing of what the bytes mean.

``line`` is a shared line and whose turn it is, ``tcp_line`` the TCP implementation of its port,
``modbus`` the dialogue on it, ``planner`` the fewest reads for a set of points, ``capture``
recorded traffic. ``fakes`` and ``simulator`` stand in for devices. Every failure is one of the
four in ``errors``.
"""
