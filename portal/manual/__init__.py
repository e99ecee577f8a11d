"""The manual inside the portal: what each page says, and what to do when something is wrong.

::

    pages/<name>.<language>.md    one text for each page and language, each written natively
    pages/pictures/               made by ``scripts/pictures``
    contents.py                   the pages in their order, and which open without a session
    article.py                    a text as HTML
    help.py                       the place in the manual of each address of the portal

Imported by `portal.urls`.
"""
