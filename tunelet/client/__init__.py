"""The service from Python, over HTTP: for scripts, notebooks and the command line."""

from tunelet.client.client import DEFAULT_URL, Client

__all__ = ["DEFAULT_URL", "Client"]
