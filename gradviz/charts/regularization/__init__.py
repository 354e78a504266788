"""Pictures that the lesson `regularization` has to itself."""
