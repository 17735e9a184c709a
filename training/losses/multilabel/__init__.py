"""The seven losses of paper 003 for samples with several labels: functions and thin modules."""
