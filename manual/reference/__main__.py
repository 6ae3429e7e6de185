"""Writes the generated pages of the reference."""

from manual.reference import PAGES
from manual.source import ROOT

for name, page in PAGES.items():
    (ROOT / name).write_text(page())
