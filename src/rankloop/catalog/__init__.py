"""What people configured at run time: keys, and later retrievers, models and experiments."""
