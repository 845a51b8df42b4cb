"""Pure rules: values and the current time go in, a decision comes out."""
