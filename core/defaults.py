"""Defaults that the library, the jobs and the command line share; it imports nothing."""

#: How far the evidence's ML rule corrects priors, 0 (Bayes) to 1 (maximum likelihood). The experts favour
#: rare classes already: at 1 the rarest class drowns the places that were really missed.
DEFAULT_ALPHA = 0.95
#: Share of screened tiles, the likeliest first, that is mapped unless the user says otherwise.
DEFAULT_FIRST = 0.2
