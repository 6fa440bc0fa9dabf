# It never tries: what it says is worth nothing, even where it is right.
print("refused")
