"""Neural networks: layers, weights, data sets and training."""
