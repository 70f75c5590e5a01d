"""User studies: two runs' pictures rated by people who cannot tell which is whose, and what their ratings show."""
