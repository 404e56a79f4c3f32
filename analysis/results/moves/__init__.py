"""What a calculation records where it moves atoms otherwise than by relaxing them."""
