"""What a program runs on: threads, devices, compiled loops, progress."""
