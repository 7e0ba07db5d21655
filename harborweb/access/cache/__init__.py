"""Pull-through caches: a Harbor project that fetches from another registry and keeps what came."""
