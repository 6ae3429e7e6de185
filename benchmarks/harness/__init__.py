"""The shared parts of benchmarks: stores, libraries to compare with, problems, and tables."""
