"""The deployment folder: where it may lie, what composer keeps there, and how all of it is deleted again."""
