"""Training: data, losses, the trainer and the recipes that make model bundles."""
