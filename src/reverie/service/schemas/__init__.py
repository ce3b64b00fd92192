"""What calls may say, and what they are answered: every field with its meaning, its range and an example."""
