"""What Prometheus may read of the portal; loaded only where the environment turns it on."""
