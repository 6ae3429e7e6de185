"""The page that people see at `/`: its files, built from `page/` by `make page`."""
