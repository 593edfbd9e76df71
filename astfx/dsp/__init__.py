"""Shared signal processing: frequency scales, windows, filters, phasors, matrix roots."""
