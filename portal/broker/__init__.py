"""The broker's configuration: written, checked and kept by the portal that issues certificates.

``configuration`` says what the files hold, ``folder`` writes them, ``inspection`` looks at them and
at the broker that runs, ``reloading`` brings new revocations to it and cuts open sessions,
``keeping`` does so until stopped.
"""
