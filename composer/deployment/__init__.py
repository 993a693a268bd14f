"""The deployment folder: what composer keeps there."""
