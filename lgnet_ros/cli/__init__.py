"""The shell's door: everything that parses arguments. It translates and delegates, nothing else."""
