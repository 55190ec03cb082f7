"""The file itself: connection, schema, names, sums, recording, and the reads that all share."""
