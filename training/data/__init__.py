"""Training data: areas of raw bands and labels on the model's grid, and the patches drawn from them."""
