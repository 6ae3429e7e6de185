"""The documents' site: its source, its generated reference, and the check of its links.

`make docs` runs `manual.reference`, `manual.build` and `manual.links`.
"""
