"""Rasters and vectors on one grid: sources, cells, labels, styles, COG and GeoPackage."""
