"""Runtime support: threads, devices, compiled loops, progress, safe files."""
