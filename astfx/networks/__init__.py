"""Neural networks: their layers, their weights, their training."""
