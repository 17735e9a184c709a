"""How good a map is, from reference labels or a sample."""
