"""Figures that the README promises, measured: every module here has a ``measure`` that prints its own."""
