"""The steps a pipeline is made of, one file each; none knows another."""
