"""What each OSC address does: messages are checked and passed to their handlers."""
