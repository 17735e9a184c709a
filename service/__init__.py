"""How the outside asks the library for work: messages, jobs, worker process and command line."""
