"""The objective of a network at a lifting level, in both forms, and the closed-form relations among its parameters."""
