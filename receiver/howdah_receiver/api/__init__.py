"""One module a resource. Handlers raise; `answers` turns what they raise into a problem; `gate` says who
may ask at all."""
