"""The main job: sources and a model in, the map, the experts and the evidence out."""
