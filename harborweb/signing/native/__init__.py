"""Signatures as cosign makes them, made by ourselves: for many images, where a program for each would be slow."""
