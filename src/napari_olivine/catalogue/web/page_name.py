"""The file that a person opens to see the web map."""

PAGE = "index.html"
