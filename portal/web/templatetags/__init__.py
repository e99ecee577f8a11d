"""Template tags that know no app: assets, icons, words, figures and times."""
