"""What every room stands on: errors, progress, files, requests, the version."""
