"""Pictures that the lesson `residual` has to itself."""
