"""Segments of a class raster and their metrics, streamed."""
