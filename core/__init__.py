"""The land-cover library: no QGIS, nothing heavy imported at package level."""
