"""Pictures: a tidy data frame in, an Altair chart out."""
