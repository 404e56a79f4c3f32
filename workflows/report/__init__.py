"""A study's report: sections by its parts, put on one page with their tables and figures."""
