"""How likely was it looked at: propensities, identifiability, click models, simulated people."""
