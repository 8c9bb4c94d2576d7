"""What people can choose among, by name; light, because help texts list it."""

OWN = "yours"
"""Family of networks whose accuracy somebody gave."""
FAMILIES = ("resnet-rs", "efficientnet", OWN)
