"""The page that people see at `/`: its files, built from `page/` by `make page`."""

from pathlib import Path

BUILT = Path(__file__).resolve().parent / "built"
