"""Steps in child processes: run, progress, cancel, bring up to date."""
