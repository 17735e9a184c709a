"""MetaFusion: places where a rare class was probably missed, the classifier that judges them, and fusion."""
