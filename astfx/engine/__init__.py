"""The render engine: it stylises whole clips, segment by segment."""
