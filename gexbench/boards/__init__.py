"""Leaderboards: which records may stand on one, how they are ranked, and the pages made from them."""
