"""Networks that paint: their losses, their training, their judging."""
