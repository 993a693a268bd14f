"""Build inputs, locks, builds, wheels, archives, registries, bills of materials."""
