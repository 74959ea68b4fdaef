"""Questions: the codes they carry, what replies and key presses mean, and the one decision of each."""
