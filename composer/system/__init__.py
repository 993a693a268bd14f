"""What composer has to do with the machine it runs on, and with what others write there."""
