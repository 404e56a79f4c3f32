"""Queues of clusters: resources, packing, scripts, and what a queue says of its jobs.

Nothing here knows the LaunchPad.
"""
