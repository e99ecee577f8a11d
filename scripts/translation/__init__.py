"""The translations: what the sources say, extracted, and the catalogues, updated and compiled.

`extraction` finds the texts, `catalogues` holds them against the ``.po`` files. Both use Babel.
Imported by `scripts/texts`, `scripts/assets` and the tests.
"""
