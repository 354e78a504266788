"""Pictures that the lesson `activations` has to itself."""
