"""The picture of the home page."""
