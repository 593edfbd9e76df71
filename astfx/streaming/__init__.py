"""Engines that stylise block by block."""
