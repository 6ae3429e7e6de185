"""The generated pages of the reference, each made from the code that it describes.

`python -m manual.reference` writes them. A test compares what is written with what would be.
"""

from collections.abc import Callable

from manual.reference import commands, environment, http, python, request

PAGES: dict[str, Callable[[], str]] = {
    "docs/reference/request.md": request.page,
    "docs/reference/environment.md": environment.page,
    "docs/reference/commands.md": commands.page,
    "docs/reference/http.md": http.page,
    "docs/reference/python.md": python.page,
}
