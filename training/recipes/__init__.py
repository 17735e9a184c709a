"""Recipes: which network is trained on which data, one module and one command each."""
