"""What Prometheus may read of the gateway; loaded only where the configuration turns it on."""
