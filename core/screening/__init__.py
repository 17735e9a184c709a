"""Which tiles probably hold a rare class: looked at before a region is mapped pixel by pixel."""
