"""Tables of any kind as text cells and numbers: spreadsheets, delimited text, decimal commas."""
