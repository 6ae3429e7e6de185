"""What Tunelet costs, beside what others cost in the same run (`python -m benchmarks NAME`)."""
