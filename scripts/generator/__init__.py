"""The parts of `generate_types.py`: the schema, the names, and one writer a generated module."""
