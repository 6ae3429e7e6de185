"""Measures Tunelet together with alternatives in the same run (`python -m benchmarks NAME`)."""
