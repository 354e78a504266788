"""What can be said without training: mean-field theory, products of factors, loss surfaces."""
