"""Pictures that the lesson `clipping` has to itself."""
