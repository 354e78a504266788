"""Pictures that the lesson `depth` has to itself."""
