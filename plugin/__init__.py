"""The QGIS side: Processing provider, worker process, layers. Never imports torch, rasterio or numpy."""
