"""forescale: make the scaling of neural networks predictable."""

__version__ = "0.1.0"
