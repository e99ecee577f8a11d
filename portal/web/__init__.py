"""The pages: what a person sees of their sites, in Japanese and English."""
