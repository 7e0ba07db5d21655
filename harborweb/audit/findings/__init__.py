"""Findings: what someone should act on, from the day it came until it is solved."""
