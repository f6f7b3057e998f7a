"""How fast it is, side by side with what a user would pick instead: `rankloop bench`."""
