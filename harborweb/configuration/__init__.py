"""What the operator wants: the text of harbor.yml, its fields, its rules, its revisions."""
