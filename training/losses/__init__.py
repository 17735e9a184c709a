"""Training losses: one function and one thin module each."""
