"""Parts of `benchmarks.referee`: DFT samples read, potentials' energies kept, errors judged."""
