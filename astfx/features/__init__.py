"""What is compared: features of frames, their losses and gradients."""
