"""What docs/reference/performance.md promises, measured: every module here has a ``measure`` that prints its own."""
