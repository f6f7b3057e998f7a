"""What led to what: which list an interaction is credited to, visits, repeats and robots."""
