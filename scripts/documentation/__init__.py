"""The documentation that is made from code, its links, and the site; `scripts/docs` calls it."""
