"""An honest double of Amazon Rekognition: its wire protocol on loopback, and nothing of its eyes.

What it answers is registered, or generated and marked so. Tests on it say "double", never
"Rekognition". Run it by hand: `python -m tests.servers.rekognition --port 8090 …`.
"""
