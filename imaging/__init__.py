"""What a scan and a mask are: formats, geometry, tiling, measurements."""
