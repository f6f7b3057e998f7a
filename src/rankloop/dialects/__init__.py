"""Other people's formats: each is translated at the edge into our own wire form."""
