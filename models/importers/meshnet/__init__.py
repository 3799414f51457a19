"""MeshNets: chains of dilated 3D convolutions, as brainchop publishes them."""
