"""Who is told what: channels, and the happenings that they are told of."""
