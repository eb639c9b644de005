"""Numbers: backends, compiled expressions, decimals read and written exactly."""
