"""Submissions: folders of records and the code that made them, which can be verified by whoever has them."""
