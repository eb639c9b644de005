"""What is solved: gates and costs, their active sets, and networks made of layers."""
