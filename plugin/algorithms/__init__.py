"""One Processing algorithm per file; the file name is the algorithm id."""
