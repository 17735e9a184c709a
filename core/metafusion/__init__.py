"""Places where a rare class was probably missed: candidates, the meta classifier that judges them, and fusion into the map (MetaFusion)."""
