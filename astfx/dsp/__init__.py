"""Signal processing that several rooms share: frequency scales, windows, filters, matrix roots."""
