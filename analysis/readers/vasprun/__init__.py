"""vasprun.xml and vaspout.h5, decoded as far as is asked."""
