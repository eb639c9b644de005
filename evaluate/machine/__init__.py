"""What touches the machine: text files and worker processes."""
