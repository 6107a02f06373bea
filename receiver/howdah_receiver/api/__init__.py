"""One module a resource. Handlers raise; `answers` turns what they raise into a problem; `gate` says who
may ask at all. Each route says what it takes and answers (`described`): `openapi` makes a document of that,
`page` a page of the document."""
