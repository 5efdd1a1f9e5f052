"""What the service is measured against: the usual way to write one, written with care."""
