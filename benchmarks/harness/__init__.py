"""What several benchmarks share: parts, peers, problems, and the tables that they print."""
