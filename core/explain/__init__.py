"""Why a network says what it says: layer-wise relevance propagation (LRP), from places to heat-map layers."""
