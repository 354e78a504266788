"""Pictures that the lesson `precision` has to itself."""
