"""Asking humans: requests and their answers in the store, and the channels that people are reached by."""
