"""From corrected clicks to what models learn from: labels, negatives, pairs."""
