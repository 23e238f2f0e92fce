"""Packets: captures and interfaces become canonical flows through NFStream's engine."""
