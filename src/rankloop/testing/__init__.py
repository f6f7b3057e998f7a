"""Contracts, builders and a simulated shop, shipped so that others can hold their parts to them."""
