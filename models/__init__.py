"""Builds models of well-known architectures with random weights, for tests and benchmarks."""
