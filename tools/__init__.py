"""What `make` and the tests stand on: an embedded PostgreSQL, and the way to run everything."""
