"""Pictures of the lesson on shattered gradients."""
