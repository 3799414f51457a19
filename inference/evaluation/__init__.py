"""How good a model's masks are: figures per case, their means and intervals, a picture."""
