"""Tests mirror edgekit/; `factories` makes runs, `browser/` drives the real app, `benchmarks/` times it."""
