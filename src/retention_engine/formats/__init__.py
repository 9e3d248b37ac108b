"""What comes in and goes out: event logs as JSON lines, verdicts as JSON, JSON lines, CSV and tables."""
