"""The version of this package. Images of the same version belong to it."""

__version__ = "0.1.0"
