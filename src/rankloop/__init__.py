"""Rankloop closes the loop between what people do with search results and how they are ranked."""

__version__ = "0.1.0"

__all__ = ["__version__"]
