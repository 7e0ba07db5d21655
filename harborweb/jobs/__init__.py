"""Long work, recorded and shown live; knows nothing of Harbor."""
