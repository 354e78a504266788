"""Pictures that the lesson `exploding` has to itself."""
