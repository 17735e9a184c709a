"""Experiments of the papers, one package per paper: a config file in, JSON and tables out."""
