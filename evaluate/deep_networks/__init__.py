"""Deep networks: chains of layers at the plain, partial and fully lifted level."""
