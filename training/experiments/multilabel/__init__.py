"""Experiments on tiles with several labels: the splits of paper 001 and the losses of paper 003."""
