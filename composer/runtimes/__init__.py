"""How a deployment folder is run. Today as containers; plain processes will be a second module beside it."""
