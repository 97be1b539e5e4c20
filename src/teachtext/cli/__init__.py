"""The command line: a file for each verb or family of verbs, which parses, calls and prints."""
