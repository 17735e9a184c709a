"""Networks that say which classes a tile holds: their data, their training and their scores."""
