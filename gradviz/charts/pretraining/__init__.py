"""Pictures that the lesson `pretraining` has to itself."""
