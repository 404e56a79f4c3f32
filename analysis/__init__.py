"""Result in, number or figure out."""
