"""Where participants run: what is asked of hosts before anything changes there, and who moves between them."""
