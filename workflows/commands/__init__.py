"""The commands of `natriface`, a module each: arguments in, words and tables out."""
