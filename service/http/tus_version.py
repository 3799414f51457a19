"""The version and the names of headers of tus (https://tus.io/protocols/resumable-upload)."""

VERSION = "1.0.0"
TUS_REQUEST_HEADERS = ["Tus-Resumable", "Upload-Length", "Upload-Metadata", "Upload-Offset"]
TUS_RESPONSE_HEADERS = ["Tus-Resumable", "Upload-Length", "Upload-Offset", "Upload-Expires"]
