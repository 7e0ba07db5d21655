"""What a deployment would change, found out in a scratch copy."""
