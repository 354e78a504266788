"""What all pictures share: theme, colors, powers of ten, handles, buttons, summaries."""
