"""From rasters and labels to a folder of tiles that a training takes: the job `prepare_tiles`."""
