"""One module per page, thin: a request in, a rendered template out."""
