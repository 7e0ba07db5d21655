"""The pages of registries, projects, repositories and artifacts."""
