"""Sphinx's settings for the site; `site.build` calls it."""

project = "Kanmon"
project_copyright = "The Kanmon founders"
html_title = "Kanmon"
extensions = ["myst_parser"]
root_doc = "docs/index"
myst_heading_anchors = 4
myst_links_external_new_tab = False
highlight_language = "none"
language = "en"
html_theme = "furo"
html_copy_source = False
html_show_sphinx = False
