"""The page that people see at `/`: its files, built from `page/` by `make page`."""

from pathlib import Path

BUILT = Path(__file__).resolve().parent / "built"
NOT_BUILT = (
    "the page is not built: run `make page` in the checkout (needs node 20 or newer, and npm);"
    " a wheel of Tunelet has it"
)


def is_built(folder: Path = BUILT) -> bool:
    return (folder / "index.html").is_file()
