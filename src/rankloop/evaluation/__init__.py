"""How good is a ranking: measures, resampling, counterfactual estimates."""
