"""Training: networks, initialization, optimizers, races, pre-training, and what is measured."""
