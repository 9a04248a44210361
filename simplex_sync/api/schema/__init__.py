"""What `scripts/generate_types.py` makes the API's modules from.

`simplex-api.json` holds the documented facts, `undocumented.json` what is kept by hand besides (undocumented messages
and commands, and corrections after recordings), `facts.json` what documents do not say in a form for programs.
"""
