"""How fast the log is signed, read into columns, verified and asked, and how much it takes."""
