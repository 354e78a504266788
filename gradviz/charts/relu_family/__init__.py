"""Pictures that the lesson `relu_family` has to itself."""
