"""The embedded synthetic alpine scene: terrain, land cover, and its rendering, block by block."""
