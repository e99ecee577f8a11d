"""What templates of every app show about the person who is signed in."""
