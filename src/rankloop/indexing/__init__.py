"""Where documents are found: the index of a retriever, and what turns text into vectors."""
