"""One Result, many renderings. Pure but for `console`: nothing here prints."""
