"""The command line: one small file for each command or group of commands."""
