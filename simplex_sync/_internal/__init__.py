"""What the package is made of inside: nothing here is public."""
