"""People: who signs in, which organizations they belong to, and in which role.

May be imported by every app above it.
"""
