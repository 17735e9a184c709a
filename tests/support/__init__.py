"""What tests share: small models, runs, rasters and reviews, made on the spot."""
