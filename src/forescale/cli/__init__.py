"""One file per verb; each calls one library function and prints."""
