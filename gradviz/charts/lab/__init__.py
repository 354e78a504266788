"""Pictures that the lab has to itself."""
