"""Podman: its own commands start and stop containers, and its API, which is Docker's, tells how they do."""
