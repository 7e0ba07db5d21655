"""What others take along: a report signed with cosign, and the evidence of many verdicts, made by jobs."""
