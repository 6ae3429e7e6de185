"""Tunelet: hyperparameter optimization without a server to run.

This package is the domain, the client and the command line. It imports no vendor
SDK; the adapters that do live beside it (see docs/architecture.md).
"""

__version__ = "0.1.0"
