"""Programs of torch: TorchScript files and exported programs (.pt2)."""
