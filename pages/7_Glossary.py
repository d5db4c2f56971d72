"""Glossary: the field's terms, each in one sentence."""

from nnviz.ui.glossary import glossary
from nnviz.ui.shell import open_page

open_page("Glossary", titled=True)
glossary()
