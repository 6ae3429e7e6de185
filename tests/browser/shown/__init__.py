"""The searches that the documents' pictures of the page show."""
