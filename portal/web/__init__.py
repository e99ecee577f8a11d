"""What every page is made with: the base templates, words, figures and live fragments.

`words` names the vocabulary of `drivers.report` in both languages, `figures` writes numbers and
`moments` times, `chart` draws a series, `paging` cuts lists, and `live` answers polls with an ETag.
`sums` adds up in the database, `database_text` searches there, and `spreadsheet` is for
CSV files. What pages load is built by ``scripts/assets`` into ``portal/static/build``, where
Django's staticfiles finds it.

May be imported by every app.
"""
