"""Sample models: architectures, training, cards."""
