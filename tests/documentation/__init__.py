"""What documentation is made of code, and what of it is run."""
