"""Pictures that the lesson `batchnorm` has to itself."""
