"""The name of `tunelet.interop` until 0.1; kept for code that imports it."""

from tunelet.interop import assemble, hyperparameters

__all__ = ["assemble", "hyperparameters"]
