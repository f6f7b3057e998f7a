"""What flows between rooms and out of the house: small records with their evidence."""
