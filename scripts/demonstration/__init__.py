"""The demonstration behind ``scripts/demo``: broker, portal, simulated site and gateway.

``__main__`` tells the story, ``broker`` finds or fetches a broker, ``processes`` starts and ends
what runs, ``site`` is the plant whose meters are read, ``arrivals`` says what reached the portal.
"""
