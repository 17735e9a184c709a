"""The model: classes, card, bundle, network, aggregation, decision rules."""
