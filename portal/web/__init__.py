"""What every page is made with: the base templates, assets, words, figures and live fragments.

`words` names the vocabulary of `drivers.report` in both languages, `figures` writes numbers,
`chart` draws a series, `live` answers polls with an ETag, and `assets` finds the built files.

May be imported by every app.
"""
