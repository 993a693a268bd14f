"""Where participants run, this machine among other hosts: what is brought there, started, watched and stopped."""
