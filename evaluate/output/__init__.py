"""What a person reads: tables, figures and reports."""
