"""Pictures that the lesson `chain_rule` has to itself."""
