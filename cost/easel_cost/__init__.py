"""What a stack costs: estimates from settings, a workload and dated prices."""
