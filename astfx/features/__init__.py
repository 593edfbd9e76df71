"""Audio features, and losses between them with their gradients."""
