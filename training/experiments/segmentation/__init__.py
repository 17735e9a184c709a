"""Tables of the MCE and CDFL papers: trainings that a study names, judged side by side."""
