"""Features of a sound, and losses between them with their gradients."""
