"""The engines. They do not know each other; the registry knows them all."""
