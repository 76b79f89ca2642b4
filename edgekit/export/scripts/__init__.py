"""Small programs for other Pythons: each knows one converter or runtime, and none imports EdgeKit. See serve.py."""
