"""Optimisers: L-BFGS in float32, and L-BFGS or Adam for losses that autograd differentiates."""
