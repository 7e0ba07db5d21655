"""Sweep a registry, judge every artifact, keep the verdicts, report them."""
