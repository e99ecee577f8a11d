"""The templates that travel between programs: one module for each area, loaded by both programs.

A constant's id is the module's name, a dot and the constant's name in lower case;
`console.catalogue` finds it again by that id. Templates that only one program shows are where they
are shown.

May be imported by every package. Imports `console.text` only.
"""
