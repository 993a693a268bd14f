"""Other hosts: how they are reached over SSH, and what is brought there."""
