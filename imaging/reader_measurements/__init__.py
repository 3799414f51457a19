"""What readers measure in a scan: lengths, angles, regions and values at points."""
