"""Types of arrays."""

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
