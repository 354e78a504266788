"""Pictures that the lesson `update_rule` has to itself."""
