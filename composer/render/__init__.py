"""From the federation to the files of its deployment; pure."""
