"""Drivers make the steps of operations with httpx: blocking, or asynchronously."""
