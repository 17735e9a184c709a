"""MetaFusion (docs/science/methods.md section 2): one module and one command per experiment, config files
beside them."""
