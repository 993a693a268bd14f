"""Archives for hosts that composer never sees."""
